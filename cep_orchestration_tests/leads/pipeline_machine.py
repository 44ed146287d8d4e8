"""All that may happen to the real ledger, as the rules of a state machine; what must hold stands in its test."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy import text

from cep_orchestration.leads.delivery import Delivery
from cep_orchestration.leads.model import Channel, Settlement
from cep_orchestration.leads.operator_rules import Act, Filters, Settling
from cep_orchestration.leads.operator_store import OperatorDesk
from cep_orchestration.leads.rules import lacks_email
from cep_orchestration.leads.store import Ledger
from cep_orchestration.leads.story import Story
from cep_orchestration.ports import Blocked, Rejected, Sent, Unavailable
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeAlerts
from cep_orchestration_tests.leads.claiming import let_pass
from cep_orchestration_tests.leads.model_provider import Fate, KilledError, ModelProvider
from cep_orchestration_tests.leads.running import ADVISOR, CRM, EMAIL, LIST, services_of

ONCE = (EMAIL, ADVISOR)
SERVED = (*ONCE, CRM)
ADDRESSES = ("ana@example.com", " Ana@Example.com ", "luis@example.com", "nobody")
COURSE_RUN = 5
SHARED_RUNS = (COURSE_RUN, None)
LOOK_UP_SECONDS = 300.0
LAGS = (1_000.0, 0.0, 200.0)
"""How long the provider does not find what went out; the first is longer than anybody waits before asking."""
SURGE, MOST_PEOPLE = 3, 10
ACT = Act("operator", "test")
UNCLEAR = (Fate.ACCEPTED, Fate.ACCEPTED, Fate.ANSWER_LOST, Fate.KILLED_AFTER_IT_WENT)
FATES = st.lists(st.sampled_from([*Fate, *UNCLEAR]), min_size=1, max_size=3)
DRAINS = st.sampled_from("ABC")
MOMENTS = st.sampled_from([0.0, 10.0, 61.0, 301.0, 700.0, 90_000.0])
MOSTLY = st.sampled_from([True, True, False])
SEARCHES = st.sampled_from([None, None, Unavailable("away"), Blocked("no such key")])

EMPTY = (
    "TRUNCATE public.leads, orchestration.leads, orchestration.deliveries, orchestration.drains,"
    " orchestration.channels,"
    " orchestration.operator_acts, orchestration.live_counts, orchestration.alerts RESTART IDENTITY CASCADE"
)
ASK = text(
    "INSERT INTO public.leads (name, email, phone, campus_id, course_run_id, created_at, consent_date)"
    " VALUES ('A', :email, '', :campus, :run, now(), CASE WHEN :consents THEN now() END) RETURNING id::text"
)


@dataclass(frozen=True)
class PostponingLedger(Ledger):
    """What runs want to record waits in `later`, by its batch: it comes to be recorded, or the run is killed before."""

    later: list[tuple[str, Callable[[], None]]] = field(default_factory=list)

    def settle(self, channel: str, drain_id: str, batch: str, settlements: Sequence[Settlement]) -> None:
        self.later.append((batch, partial(super().settle, channel, drain_id, batch, settlements)))

    def conclude(self, channel: str, batch: str, settlements: Sequence[Settlement]) -> None:
        self.later.append((batch, partial(super().conclude, channel, batch, settlements)))


def channels_of(provider: ModelProvider) -> list[Channel]:
    """One of each kind, in small batches: looked up, not repeatable, repeatable, not configured."""

    def channel(name: str, batch_size: int, **more: Any) -> Channel:
        return Channel(name, name, partial(provider.deliver, name), lacks_email, batch_size, **more)

    return [
        channel(EMAIL, 3, one_call_an_address=True, unique=True, look_up=partial(provider.look_up, EMAIL)),
        channel(ADVISOR, 100, by_advisor=True, pace_seconds=6.5, unique=True),
        channel(CRM, 2, repeatable=True, one_call_an_address=True),
        replace(channel(LIST, 2, repeatable=True), deliver=None),
    ]


class Pipeline(RuleBasedStateMachine):
    """Three runs, an operator, people who ask, a CMS that forgets, time, and a provider that knows the truth.

    asked     every lead with its address and course run
    decided   what an operator decided about deliveries that were unknown; `released`: how often to send them again
    """

    def __init__(self, cms: DemoCms) -> None:
        super().__init__()
        self.cms = cms
        self.provider = ModelProvider()
        self.channels = {channel.name: channel for channel in channels_of(self.provider)}
        rules = replace(cms.ledger.rules, surge_limit=SURGE, look_up_seconds=LOOK_UP_SECONDS)
        self.ledger = PostponingLedger(cms.engine, rules)
        services = services_of(self.ledger, list(self.channels.values()), FakeAlerts())
        self.drains = {name: Delivery(name, services, Random(7), Story()) for name in "ABC"}
        self.desk = OperatorDesk(cms.engine, list(self.channels.values()))
        self.asked: dict[str, tuple[str, int | None]] = {}
        self.erased: set[str] = set()
        self.decided: set[tuple[str, str]] = set()
        self.released: Counter[tuple[str, str]] = Counter()

    # People and the CMS

    @initialize(lag=st.sampled_from(LAGS), people=st.integers(1, SURGE), fates=FATES, recorded=MOSTLY)
    def the_first_ones_ask(self, lag: float, people: int, fates: list[Fate], recorded: bool) -> None:
        self.cms.run(EMPTY)
        self.provider.lag = lag
        for number in range(people):
            self.ask(f"persona{number}@example.com", COURSE_RUN)
        self.a_run_does_all_of_its_work("A", 0.0, fates, recorded=recorded)

    @precondition(lambda self: len(self.asked) < MOST_PEOPLE)
    @rule(
        email=st.sampled_from(ADDRESSES),
        run=st.sampled_from(SHARED_RUNS),
        campus=st.sampled_from([3, 4]),
        consents=MOSTLY,
    )
    def somebody_asks(self, email: str, run: int | None, campus: int, consents: bool) -> None:
        self.ask(email, run, campus, consents=consents)
        self.new_leads_are_recorded(whole_table=False)

    def ask(self, email: str, run: int | None, campus: int = 3, *, consents: bool = True) -> None:
        values = {"email": email, "run": run, "campus": campus, "consents": consents}
        with self.cms.engine.begin() as connection:
            lead = connection.execute(ASK, values).scalar_one()
        self.asked[lead] = email.strip().lower(), run

    @precondition(lambda self: len(self.asked) < MOST_PEOPLE)
    @rule()
    def an_import_arrives(self) -> None:
        for number in range(SURGE + 1):
            self.ask(f"import{number % 2}@example.com", COURSE_RUN)

    @rule(whole_table=st.booleans())
    def new_leads_are_recorded(self, whole_table: bool) -> None:
        self.ledger.record_new(list(self.channels.values()), whole_table=whole_table)

    @precondition(lambda self: self.asked.keys() - self.erased)
    @rule(which=st.integers(0, 9))
    def a_lead_is_erased(self, which: int) -> None:
        there = sorted(self.asked.keys() - self.erased, key=int)
        lead = there[which % len(there)]
        self.cms.run("DELETE FROM public.leads WHERE id = :id", id=int(lead))
        self.erased.add(lead)

    # Runs and time

    @rule(drain=DRAINS, after=MOMENTS, fates=FATES, search=SEARCHES, recorded=MOSTLY, mended=MOSTLY)
    def a_run_does_all_of_its_work(
        self,
        drain: str,
        after: float,
        fates: list[Fate],
        search: Unavailable | Blocked | None = None,
        recorded: bool = True,
        mended: bool = True,
    ) -> None:
        """Its heart does not beat while it does it. `mended`: an operator has resumed what was paused."""
        self.time_passes(after)
        self.new_leads_are_recorded(whole_table=False)
        self.claims_are_taken_over()
        self.unclear_ones_are_looked_up(search, recorded)
        for channel in SERVED:
            if mended:
                self.the_operator_resumes(channel)
            self.a_batch_is_served(drain, channel, fates, recorded)

    @rule(drain=DRAINS, channel=st.sampled_from(SERVED), fates=FATES, recorded=MOSTLY)
    def a_batch_is_served(self, drain: str, channel: str, fates: list[Fate], recorded: bool) -> None:
        self.provider.fates = fates
        before = len(self.ledger.later)
        with suppress(KilledError):
            self.drains[drain].serve(self.channels[channel], lambda: None)
        self._record_since(before if recorded else None)

    @rule(search=SEARCHES, recorded=MOSTLY)
    def unclear_ones_are_looked_up(self, search: Unavailable | Blocked | None, recorded: bool) -> None:
        self.provider.search = search
        before = len(self.ledger.later)
        self.drains["A"].look_up(list(self.channels.values()), lambda: False)
        self._record_since(before if recorded else None)

    def _record_since(self, first: int | None) -> None:
        while first is not None and len(self.ledger.later) > first:
            self.record(*self.ledger.later.pop())

    def record(self, _batch: str, do: Callable[[], None]) -> None:
        do()

    @rule(which=st.integers(0, 9))
    def a_run_records_late(self, which: int) -> None:
        if self.ledger.later:
            self.record(*self.ledger.later.pop(which % len(self.ledger.later)))

    @rule(which=st.integers(0, 9))
    def a_run_is_killed_before_it_records(self, which: int) -> None:
        if self.ledger.later:
            self.ledger.later.pop(which % len(self.ledger.later))

    @rule(drain=DRAINS)
    def a_heart_beats(self, drain: str) -> None:
        self.ledger.beat(drain)

    @rule(seconds=MOMENTS)
    def time_passes(self, seconds: float) -> None:
        let_pass(self.cms, seconds)
        self.provider.now += seconds

    @rule()
    def claims_are_taken_over(self) -> None:
        self.drains["A"].take_over()

    @rule(end=st.sampled_from([Sent("id"), Rejected("bounced")]))
    def accepted_messages_come_to_their_end(self, end: Sent | Rejected) -> None:
        self.provider.end_accepted(end)

    # The operator

    @rule(channel=st.sampled_from(SERVED), settling=st.sampled_from(Settling), force=st.booleans())
    def the_operator_settles_what_is_unknown(self, channel: str, settling: Settling, force: bool) -> None:
        plan = self.desk.settle(ACT, settling, Filters(channel=channel), dry_run=False, force=force)
        self.decided |= {(one.channel, one.lead_id) for one in plan.chosen}
        if settling is Settling.release:
            self.released.update((one.channel, one.lead_id) for one in plan.chosen)

    @rule(channel=st.sampled_from([*SERVED, LIST]))
    def the_operator_replays(self, channel: str) -> None:
        self.desk.replay(ACT, Filters(channel=channel), dry_run=False)

    @rule(channel=st.sampled_from(SERVED))
    def the_operator_pauses(self, channel: str) -> None:
        self.desk.pause(ACT, channel)

    @rule(channel=st.sampled_from(SERVED))
    def the_operator_resumes(self, channel: str) -> None:
        self.desk.resume(ACT, channel)

    @rule(baseline=st.booleans())
    def the_operator_decides_on_an_import(self, baseline: bool) -> None:
        self.desk.release(ACT, Filters(), baseline=baseline, dry_run=False)
