"""One lead's story in the ledger: what was seen, owed, done, and by which acts; nothing of the person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Engine, text

from cep_orchestration.leads.model import State
from cep_orchestration.leads.operator_rules import OperatorError, plain
from cep_orchestration.leads.operator_store import prepared

LEAD = text("""
SELECT lead_id, created_at, first_seen, baseline, held_at, same_as,
       orchestration.lead_day(created_at, first_seen, baseline) AS day
FROM orchestration.leads WHERE lead_id = :lead
""")
IN_CMS = text("SELECT EXISTS (SELECT 1 FROM orchestration.cms_leads WHERE id = :lead)")
DELIVERIES = text("""
SELECT channel, state::text, coalesce(reason, '') AS reason, attempts, interruptions, created_at, not_before,
       claimed_at, settled_at, coalesce(provider_id, '') AS provider_id, coalesce(batch, '') AS batch
FROM orchestration.deliveries WHERE lead_id = :lead ORDER BY channel
""")
# Acts on the lead or its deliveries, and pauses of a channel while something of the lead waited for it.
ACTS = text("""
SELECT a.at, a.who, a.act, a.reason, coalesce(a.details->>'action', '') AS action,
       CASE WHEN a.details->>'channel' IS NOT NULL THEN ARRAY[a.details->>'channel']
            ELSE ARRAY(SELECT t.key FROM jsonb_each(a.details->'deliveries') AS t
                       WHERE jsonb_exists(t.value, :lead) ORDER BY 1) END AS channels,
       (SELECT CAST(t.key AS timestamptz) FROM jsonb_each(a.details->'held') AS t
        WHERE jsonb_exists(t.value, :lead)) AS held_at
FROM orchestration.operator_acts a
WHERE EXISTS (SELECT 1 FROM jsonb_each(a.details->'held') AS t WHERE jsonb_exists(t.value, :lead))
   OR EXISTS (SELECT 1 FROM jsonb_each(a.details->'deliveries') AS t WHERE jsonb_exists(t.value, :lead))
   OR a.act IN ('pause_channel', 'resume_channel')
      AND EXISTS (SELECT 1 FROM orchestration.deliveries d JOIN orchestration.leads k USING (lead_id)
                  WHERE d.lead_id = :lead AND d.channel = a.details->>'channel'
                    AND a.at BETWEEN k.first_seen AND coalesce(d.settled_at, now()))
ORDER BY a.at, a.id
""")


@dataclass(frozen=True)
class LeadSeen:
    """`same_as`: leads of the same person that asked the same before it."""

    lead_id: str
    created_at: datetime
    first_seen: datetime
    baseline: bool
    held_at: datetime | None
    same_as: Sequence[str]
    day: date


@dataclass(frozen=True)
class Step:
    """One delivery of the lead. `created_at`: owed since, anew after a replay."""

    channel: str
    state: State
    reason: str
    attempts: int
    interruptions: int
    created_at: datetime
    not_before: datetime
    claimed_at: datetime | None
    settled_at: datetime | None
    provider_id: str
    batch: str


@dataclass(frozen=True)
class Done:
    """What an operator did. `held_at`: of a release, since when the lead had been held."""

    at: datetime
    who: str
    act: str
    reason: str
    action: str
    channels: Sequence[str]
    held_at: datetime | None


@dataclass(frozen=True)
class Timeline:
    lead: LeadSeen
    steps: Sequence[Step]
    acts: Sequence[Done]
    in_cms: bool

    @property
    def release(self) -> Done | None:
        """The act that ended the lead's hold; a lead is held once at most."""
        return next((act for act in self.acts if act.held_at), None)


def read_timeline(engine: Engine, lead_id: str) -> Timeline:
    lead_id = plain(lead_id)
    with prepared(engine) as connection:
        values = {"lead": lead_id}
        lead = connection.execute(LEAD, values).one_or_none()
        in_cms = bool(connection.execute(IN_CMS, values).scalar())
        if lead is None:
            raise OperatorError(
                "El lead está en el CMS, pero aún no en el registro: lo recoge la próxima ejecución de process_leads."
                if in_cms
                else "Ni el registro ni el CMS conocen un lead con ese id: copie el id tal como está en el CMS."
            )
        steps = [
            Step(**{**row, "state": State(row["state"])}) for row in connection.execute(DELIVERIES, values).mappings()
        ]
        acts = [Done(**row) for row in connection.execute(ACTS, values).mappings()]
        return Timeline(LeadSeen(**lead._mapping), steps, acts, in_cms)
