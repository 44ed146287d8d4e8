"""How each channel is, in PostgreSQL: failing, told to wait, paused, and by whom. Shared by all runs."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from cep_orchestration.database.engine import patiently
from cep_orchestration.leads.model import Health, Pause, Verdict
from cep_orchestration.leads.rules import (
    FAILURES_BEFORE_PAUSE,
    LONG_WAIT_SECONDS,
    LONGEST_PROBE_SECONDS,
    MAX_ATTEMPTS,
    PROBE_SECONDS,
)
from cep_orchestration.leads.words import RESTORED_PAUSE

REASON_LENGTH = 200
# The second more makes sure that it is before the claim, which other clocks timed.
FAILED = text("""
INSERT INTO orchestration.channels AS c (channel, failures, failing_since, failing_lead, wait_until)
VALUES (:channel, 1, now() - make_interval(secs => :seconds + 1), :lead, now() + make_interval(secs => :wait))
ON CONFLICT (channel) DO UPDATE
SET failures = c.failures + 1,
    failing_since = coalesce(c.failing_since, excluded.failing_since),
    failing_lead = CASE WHEN c.failures = 0 OR c.failing_lead = :lead THEN CAST(:lead AS text) END,
    wait_until = greatest(c.wait_until, excluded.wait_until)
RETURNING failures, failing_lead, failing_since, paused
""")
PAUSE = text("""
INSERT INTO orchestration.channels AS c (channel, paused, reason, paused_at, probe_at)
VALUES (:channel, :kind, :reason, now(), CASE WHEN :kind = 'outage' THEN now() + make_interval(secs => :probe) END)
ON CONFLICT (channel) DO UPDATE
SET paused = excluded.paused, reason = excluded.reason, paused_at = excluded.paused_at, probe_at = excluded.probe_at,
    probes = 0
WHERE c.paused IS NULL OR c.paused = 'outage' AND excluded.paused <> 'outage'
   OR c.paused = 'account' AND excluded.paused = 'operator'
RETURNING true
""")
# What failed while the provider failed for everybody was nobody's fault.
GIVE_BACK = text("""
UPDATE orchestration.deliveries SET attempts = 0
WHERE channel = :channel AND state = 'pending' AND attempts > 0 AND claimed_at >= :since
""")
REVIVE = text("""
UPDATE orchestration.deliveries SET state = 'pending', attempts = 0, not_before = now(), settled_at = NULL
WHERE channel = :channel AND state = 'dead' AND attempts >= :most AND claimed_at >= :since
""")
PROBE_FAILED = text("""
UPDATE orchestration.channels
SET probes = probes + 1, reason = :reason,
    probe_at = now() + make_interval(secs => greatest(least(:probe * power(2, least(probes, 10) + 1), :longest), :wait))
WHERE channel = :channel AND paused = 'outage'
""")
TAKE_PROBE = text("""
UPDATE orchestration.channels SET probe_at = now() + interval '1 minute'
WHERE channel = :channel AND paused = 'outage' AND probe_at <= now() AND coalesce(wait_until <= now(), true)
RETURNING true
""")
PROBE_UNUSED = text("UPDATE orchestration.channels SET probe_at = now() WHERE channel = :channel AND paused = 'outage'")
# At its end what was in flight when the pause began is given back too, and all that failed meanwhile is due: what the
# provider asked to wait for is over.
WORKS = text("""
WITH before AS (
    SELECT channel, paused, failing_since FROM orchestration.channels WHERE channel = :channel FOR UPDATE
), given_back AS (
    UPDATE orchestration.deliveries d SET attempts = 0, not_before = least(d.not_before, now())
    FROM before WHERE before.paused = 'outage' AND d.channel = before.channel AND d.state = 'pending'
                  AND (d.attempts > 0 OR d.not_before > now()) AND d.claimed_at >= before.failing_since
)
UPDATE orchestration.channels c
SET failures = 0, failing_since = NULL, failing_lead = NULL, wait_until = NULL, probes = 0,
    reason = CASE WHEN c.paused = 'outage' THEN NULL ELSE c.reason END,
    paused_at = CASE WHEN c.paused = 'outage' THEN NULL ELSE c.paused_at END,
    probe_at = NULL,
    paused = nullif(c.paused, 'outage')
FROM before WHERE c.channel = before.channel
RETURNING coalesce(before.paused = 'outage', false)
""")
RESUME = text("""
UPDATE orchestration.channels
SET paused = NULL, reason = NULL, paused_at = NULL, probe_at = NULL, probes = 0, failures = 0, failing_since = NULL,
    failing_lead = NULL, wait_until = NULL
WHERE channel = :channel AND paused IS NOT NULL
RETURNING true
""")
# What waits for its time, for whatever reason: an operator knows better.
FREE = text("""
UPDATE orchestration.deliveries SET not_before = now()
WHERE channel = :channel AND state = 'pending' AND not_before > now()
""")
STATE = text("""
SELECT failures, paused, coalesce(wait_until > now(), false) AS waiting FROM orchestration.channels
WHERE channel = :channel
""")
RESTORED = text("SELECT EXISTS (SELECT 1 FROM orchestration.channels WHERE paused IS NOT NULL AND reason = :reason)")
ALL = text("SELECT channel, paused, reason, paused_at FROM orchestration.channels WHERE paused IS NOT NULL ORDER BY 1")


@dataclass(frozen=True)
class Change:
    """What a call did to its channel. `paused`: it is paused now, so nobody's attempt counts. `revived`: what was dead
    goes again, since the pause shows that it was not the lead's fault."""

    paused: bool = False
    began: Pause | None = None
    resumed: bool = False
    revived: bool = False


@dataclass(frozen=True)
class ChannelStates:
    engine: Engine

    def waits_for_restore(self) -> bool:
        """Whether a channel is paused still since the database is a copy that was restored."""
        with self.engine.connect() as connection:
            return bool(connection.execute(RESTORED, {"reason": RESTORED_PAUSE[:REASON_LENGTH]}).scalar())

    def note(self, channel: str, verdict: Verdict, seconds: float, *, probe: bool) -> Change:
        """Records what a claim's calls, which began `seconds` ago, say of the provider."""
        return patiently(self.engine, lambda connection: _note(connection, channel, verdict, seconds, probe=probe))


def _note(connection: Connection, channel: str, verdict: Verdict, seconds: float, *, probe: bool) -> Change:
    match verdict.health:
        case Health.UNTRIED:
            if probe:
                connection.execute(PROBE_UNUSED, {"channel": channel})
            return Change()
        case Health.WORKS:
            return Change(resumed=bool(connection.execute(WORKS, {"channel": channel}).scalar()))
        case Health.REFUSES_US:
            began = pause(connection, channel, Pause.ACCOUNT, verdict.reason)
            return Change(paused=True, began=Pause.ACCOUNT if began else None)
        case Health.FAILS:
            return _failed(connection, channel, verdict, seconds, probe)


def may_claim(connection: Connection, channel: str) -> tuple[bool, bool, int]:
    """Whether the channel may be called now, whether that is the probe of an outage, and its failures in a row."""
    row = connection.execute(STATE, {"channel": channel}).one_or_none()
    if row is None:
        return True, False, 0
    if row.paused is None:
        return not row.waiting, False, row.failures
    probe = row.paused == Pause.OUTAGE and connection.execute(TAKE_PROBE, {"channel": channel}).scalar() is not None
    return probe, probe, row.failures


def pause(connection: Connection, channel: str, kind: Pause, reason: str, probe_seconds: float = 0.0) -> bool:
    """Whether the pause is new. An operator's pause stands above one for the account, and that above an outage."""
    values = {"channel": channel, "kind": kind, "reason": reason[:REASON_LENGTH], "probe": probe_seconds}
    return connection.execute(PAUSE, values).scalar() is not None


def resume(connection: Connection, channel: str) -> bool:
    """Whether it was paused."""
    return connection.execute(RESUME, {"channel": channel}).scalar() is not None


def free(connection: Connection, channel: str) -> int:
    """Makes due whatever waits for its time; returns how many deliveries did."""
    return connection.execute(FREE, {"channel": channel}).rowcount


def _failed(connection: Connection, channel: str, verdict: Verdict, seconds: float, probe: bool) -> Change:
    wait = verdict.wait_seconds
    values = {"channel": channel, "seconds": seconds, "lead": verdict.lead, "wait": wait}
    row = connection.execute(FAILED, values).one()
    if probe:
        step = {"probe": PROBE_SECONDS, "longest": LONGEST_PROBE_SECONDS, "wait": wait or 0.0}
        connection.execute(PROBE_FAILED, {"channel": channel, "reason": verdict.reason[:REASON_LENGTH], **step})
    if row.paused is not None:
        return Change(paused=True)
    failed_enough = row.failures >= FAILURES_BEFORE_PAUSE and row.failing_lead is None
    if not failed_enough and (wait or 0.0) <= LONG_WAIT_SECONDS:
        return Change()
    if not pause(connection, channel, Pause.OUTAGE, verdict.reason, max(PROBE_SECONDS, wait or 0.0)):
        return Change(paused=True)
    failing = {"channel": channel, "since": row.failing_since}
    connection.execute(GIVE_BACK, failing)
    revived = connection.execute(REVIVE, {**failing, "most": MAX_ATTEMPTS}).rowcount
    return Change(paused=True, began=Pause.OUTAGE, revived=revived > 0)
