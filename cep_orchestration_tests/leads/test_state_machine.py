"""Whatever happens, in whatever order: nobody is reached twice, and nothing that is owed is out of sight.

HYPOTHESIS_PROFILE=deep looks for minutes, each time elsewhere.
"""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from cep_orchestration.leads.rules import MAX_ATTEMPTS
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.leads.model_provider import Fate
from cep_orchestration_tests.leads.pipeline_machine import ONCE, Pipeline
from cep_orchestration_tests.leads.running import ADVISOR, EMAIL

PROFILES = {
    "quick": settings(max_examples=30, stateful_step_count=30, derandomize=True),
    "deep": settings(max_examples=2_000, stateful_step_count=60),
}
PROFILE = settings(
    PROFILES[os.environ.get("HYPOTHESIS_PROFILE", "quick")],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
ROUNDS = 60
DELIVERIES = (
    "SELECT lead_id, channel, state::text, reason, attempts,"
    " CASE state WHEN 'pending' THEN not_before < now() + interval '1 day' AND settled_at IS NULL"
    " WHEN 'sending' THEN claimed_by IS NOT NULL AND claimed_at IS NOT NULL AND batch IS NOT NULL"
    " AND settled_at IS NULL"
    " ELSE settled_at IS NOT NULL END AS in_sight, look_up_at IS NOT NULL AS is_looked_up"
    " FROM orchestration.deliveries"
)
OTHER_CLAIMS = (
    "SELECT lead_id, channel, batch, attempts FROM orchestration.deliveries WHERE state = 'sending' AND batch <> :batch"
    " ORDER BY 1, 2"
)
OWED = "SELECT lead_id FROM orchestration.leads WHERE NOT baseline AND held_at IS NULL"
COUNTED = "SELECT campus_id, sum(value)::int FROM orchestration.live_counts GROUP BY 1"
RECORDED = (
    "SELECT coalesce(campus_id, ''), count(*)::int FROM orchestration.leads"
    " WHERE NOT baseline AND held_at IS NULL GROUP BY 1"
)


class Promises(Pipeline):
    """What holds after every step, and at the end when everything works again."""

    def __init__(self, cms: DemoCms) -> None:
        super().__init__(cms)
        self.now: dict[tuple[str, str], Any] = {}
        self.sent_before: dict[tuple[str, str], str | None] = {}

    @invariant()
    def promises_are_kept(self) -> None:
        with self.cms.engine.connect() as connection:
            rows = connection.exec_driver_sql(DELIVERIES).all()
        self.now = {(row.channel, row.lead_id): row for row in rows}
        self.nobody_is_reached_twice()
        self.nobody_is_reached_twice_for_the_same()
        self.sent_is_true_and_for_good()
        self.everything_owed_is_in_sight()
        assert sorted(self.cms.rows(COUNTED)) == sorted(self.cms.rows(RECORDED))

    def nobody_is_reached_twice(self) -> None:
        for channel in ONCE:
            for lead, times in Counter(self.provider.reached(channel)).items():
                known_late = channel == EMAIL and lead in self.provider.missed
                assert times <= 1 + self.released[channel, lead] or known_late, (
                    f"{channel} of lead {lead}: {times} times"
                )

    def nobody_is_reached_twice_for_the_same(self) -> None:
        """Where the first lead is still in the CMS, and no operator decided anything."""
        for channel in ONCE:
            reached = set(self.provider.reached(channel)) - self.provider.missed - self.erased
            undecided = [lead for lead in reached if (channel, lead) not in self.decided]
            same = Counter(self.asked[lead] for lead in undecided if self.asked[lead][1])
            assert all(leads == 1 for leads in same.values()), f"{channel}: one person was reached for two leads"

    def sent_is_true_and_for_good(self) -> None:
        for key, reason in self.sent_before.items():
            bounced = self.now[key].state == "dead" and reason == "accepted"
            assert self.now[key].state == "sent" or bounced, f"{key} was sent and is {self.now[key].state}"
        self.sent_before = {key: row.reason for key, row in self.now.items() if row.state == "sent"}
        went_out = {(one.channel, one.lead_id) for one in self.provider.messages}
        assert self.sent_before.keys() <= went_out

    def record(self, batch: str, do: Callable[[], None]) -> None:
        """Also when it comes late it touches no claim but its own."""
        claims = self.cms.rows(OTHER_CLAIMS, batch=batch)
        do()
        assert self.cms.rows(OTHER_CLAIMS, batch=batch) == claims

    def everything_owed_is_in_sight(self) -> None:
        owed = self.cms.rows(OWED)
        assert self.now.keys() == {(channel, lead) for channel in self.channels for lead in owed}
        for key, row in self.now.items():
            assert row.in_sight, f"{key} is {row.state}, and nothing will come of it"
            assert 0 <= row.attempts <= MAX_ATTEMPTS, f"{key} has had {row.attempts} attempts"
            if row.state == "unknown":
                assert key[0] == ADVISOR or (key[0] == EMAIL and row.is_looked_up)

    def teardown(self) -> None:
        """Runs are killed or record late, services work again, and an operator resumes what is paused."""
        if not self.asked:
            return
        for batch, do in self.ledger.later[::2]:
            self.record(batch, do)
        self.ledger.later.clear()
        self.provider.lag = 0.0
        for _ in range(ROUNDS):
            if not self._unfinished():
                return
            self._a_quiet_hour()
        assert not self._unfinished()

    def _unfinished(self) -> dict[tuple[str, str], str]:
        """A message to an advisor that nobody can look up is the operator's."""
        return {
            key: row.state
            for key, row in self.now.items()
            if row.state not in ("sent", "skipped", "dead") and (key[0], row.state) != (ADVISOR, "unknown")
        }

    def _a_quiet_hour(self) -> None:
        self.a_run_does_all_of_its_work("B", 3_600.0, [Fate.SENT])
        self.promises_are_kept()


def test_nobody_is_reached_twice_and_nothing_is_out_of_sight_whatever_happens(cms: DemoCms) -> None:
    class PromisesHere(Promises):
        def __init__(self) -> None:
            super().__init__(cms)

    run_state_machine_as_test(PromisesHere, settings=PROFILE)


def test_what_the_provider_accepted_and_does_not_find_yet_is_not_mailed_again(cms: DemoCms) -> None:
    machine = Promises(cms)
    machine.the_first_ones_ask(1_000.0, 2, [Fate.ACCEPTED], recorded=True)
    machine.promises_are_kept()
    machine.a_run_does_all_of_its_work("B", 301.0, [Fate.SENT])
    machine.promises_are_kept()
    assert machine.provider.reached(EMAIL) == ["1", "2"]


def test_an_answer_that_is_recorded_while_its_mail_is_looked_up_in_vain_stands(cms: DemoCms) -> None:
    machine = Promises(cms)
    machine.the_first_ones_ask(1_000.0, 1, [Fate.SENT], recorded=False)
    machine.time_passes(301.0)
    machine.claims_are_taken_over()
    machine.unclear_ones_are_looked_up(None, recorded=False)
    machine.a_run_records_late(0)
    machine.promises_are_kept()
    while machine.ledger.later:
        machine.a_run_records_late(0)
    machine.promises_are_kept()


def test_an_outcome_from_before_a_take_over_leaves_the_same_runs_next_claim_alone(cms: DemoCms) -> None:
    machine = Promises(cms)
    machine.the_first_ones_ask(0.0, 1, [Fate.SENT], recorded=False)
    machine.a_run_does_all_of_its_work("A", 61.0, [Fate.SENT], recorded=False)
    while machine.ledger.later:
        machine.a_run_records_late(0)
        machine.promises_are_kept()
