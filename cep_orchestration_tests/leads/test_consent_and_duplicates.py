"""Whom the pipeline does not write to: who did not agree, who asked the same a moment ago, who is gone."""

from collections.abc import Callable

import pytest

from cep_orchestration.ports import Outcome, Rejected, Sent, Unknown
from cep_orchestration_tests.fakes import FakeMailer
from cep_orchestration_tests.leads.claiming import let_pass
from cep_orchestration_tests.leads.running import ADVISOR, CHANNELS, CRM, EMAIL, LIST, World

COUNTED = "SELECT coalesce(sum(value), 0)::int FROM orchestration.live_counts WHERE metric = 'leads_created'"
WHO = "ana@example.com"
RUN, ANOTHER_RUN = 5, 6


def _ask(world: World, *, email: str = WHO, course_run: int | None = RUN, created: str = "now()") -> str:
    [lead] = world.cms.ask(email=email, course_run=course_run, created=created)
    return lead


def _fates(world: World, channel: str, *leads: str) -> list[str]:
    """What became of these leads through a channel: the reason, else the state."""
    return [reason or state for state, reason in world.cms.deliveries(channel, leads)]


def test_a_lead_without_consent_is_only_counted(world: World) -> None:
    silent, agreed = world.cms.ask(2)
    world.cms.run("UPDATE public.leads SET consent_date = NULL WHERE id::text = :lead", lead=silent)
    world.drain()
    for channel in CHANNELS:
        assert world.cms.deliveries(channel, [silent, agreed]) == [("skipped", "no consent"), ("sent", None)]
    assert (world.mailed(), world.in_crm(), len(world.messages())) == ([agreed], [agreed], 1)
    assert world.cms.rows(COUNTED) == [2]


def test_only_who_agreed_to_marketing_is_put_on_the_list(world: World) -> None:
    private, unasked, agreed = world.cms.ask(3)
    change = "UPDATE public.leads SET marketing_consent = :consent WHERE id::text = :lead"
    world.cms.run(change, consent=False, lead=private)
    world.cms.run(change, consent=None, lead=unasked)
    world.drain()
    assert _fates(world, LIST, private, unasked, agreed) == ["no marketing consent", "no marketing consent", "sent"]
    assert world.list
    assert world.list.leads == [agreed]
    assert world.cms.states(EMAIL, [private, unasked, agreed]) == ["sent"] * 3


def test_who_asks_the_same_twice_is_written_to_once_and_kept_up_to_date_elsewhere(world: World) -> None:
    first, again = _ask(world), _ask(world)
    world.drain()
    third = _ask(world)
    world.drain()
    for channel in (EMAIL, ADVISOR):
        assert _fates(world, channel, first, again, third) == ["sent", *[f"duplicate of {first}"] * 2]
    for channel in (CRM, LIST):
        assert world.cms.states(channel, [first, again, third]) == ["sent"] * 3
    assert world.mailed() == [first]
    assert world.cms.rows(COUNTED) == [3]


@pytest.mark.parametrize("email", ["ANA@Example.com", "  ana@example.com ", "Ana@EXAMPLE.COM\t"])
def test_an_address_is_the_same_however_it_is_typed(world: World, email: str) -> None:
    first, again = _ask(world), _ask(world, email=email)
    world.drain()
    assert _fates(world, EMAIL, first, again) == ["sent", f"duplicate of {first}"]


@pytest.mark.parametrize(
    ("email", "course_run"),
    [(WHO, ANOTHER_RUN), (WHO, None), ("eva@example.com", RUN), ("", RUN)],
    ids=["another course run", "no course run", "another address", "no address"],
)
def test_who_asks_something_else_or_is_somebody_else_is_no_duplicate(
    world: World, email: str, course_run: int | None
) -> None:
    first, other = _ask(world), _ask(world, email=email, course_run=course_run)
    world.drain()
    assert _fates(world, EMAIL, first, other) == ["sent", "sent" if email else "no e-mail"]
    assert _fates(world, ADVISOR, first, other) == ["sent"] * 2


@pytest.mark.parametrize(("email", "course_run"), [(WHO, None), ("", RUN), ("ana", RUN)])
def test_what_names_nobody_or_nothing_makes_no_duplicates(world: World, email: str, course_run: int | None) -> None:
    leads = [_ask(world, email=email, course_run=course_run) for _ in range(2)]
    world.drain()
    assert _fates(world, ADVISOR, *leads) == ["sent"] * 2


@pytest.mark.parametrize("hours", [23, 25])
@pytest.mark.parametrize("late", [True, False], ids=["the older is seen last", "the older is seen first"])
def test_it_is_a_duplicate_within_24_hours_of_asking_whichever_is_seen_first(
    world: World, hours: int, late: bool
) -> None:
    created = ["now()", f"now() - interval '{hours} hours'"]
    leads = []
    for when in created if late else reversed(created):
        leads.append(_ask(world, created=when))
        world.record(whole_table=True)
    world.drain()
    assert _fates(world, EMAIL, *leads) == ["sent", f"duplicate of {leads[0]}" if hours < 24 else "sent"]


def test_an_impossible_date_counts_as_now(world: World) -> None:
    first, again = _ask(world, created="'2020-05-01 10:00+02'"), _ask(world)
    world.record(whole_table=True)
    world.drain()
    assert sorted(_fates(world, EMAIL, first, again)) == sorted([f"duplicate of {first}", "sent"])


def test_a_lead_that_a_slower_look_finds_is_a_duplicate_of_what_a_quicker_one_recorded_meanwhile(world: World) -> None:
    first = _ask(world)
    world.record()
    world.cms.run("UPDATE orchestration.leads SET first_seen = now() + interval '5 seconds' WHERE NOT baseline")
    again = _ask(world, created="'2020-05-01 10:00+02'")
    world.record(whole_table=True)
    world.drain()
    assert _fates(world, EMAIL, first, again) == ["sent", f"duplicate of {first}"]


def _without_consent(world: World, lead: str) -> None:
    world.cms.run("UPDATE public.leads SET consent_date = NULL WHERE id::text = :lead", lead=lead)


def _refused(world: World, _lead: str) -> None:
    world.mailer = FakeMailer(Rejected("mailbox full"), Sent("m2"))


def _erased(world: World, lead: str) -> None:
    world.cms.run("DELETE FROM public.leads WHERE id::text = :lead", lead=lead)


@pytest.mark.parametrize(
    ("befall", "fate"), [(_without_consent, "no consent"), (_refused, "mailbox full"), (_erased, "erased")]
)
def test_who_was_not_reached_the_first_time_is_written_to_the_second_time(
    world: World, befall: Callable[[World, str], None], fate: str
) -> None:
    first, again = _ask(world), _ask(world)
    world.record()
    befall(world, first)
    world.drain()
    assert _fates(world, EMAIL, first, again) == [fate, "sent"]


@pytest.mark.parametrize(("outcome", "fate"), [(Sent(), "sent"), (Unknown("connection lost"), "connection lost")])
def test_the_second_waits_until_it_is_known_whether_the_first_was_reached(
    world: World, outcome: Outcome, fate: str
) -> None:
    world.mailer = mailer = FakeMailer(outcome)
    first, again = _ask(world), _ask(world)
    world.record()
    world.serve(EMAIL, times=1)
    assert _fates(world, EMAIL, first, again) == [fate, f"waits for what becomes of {first}"]
    let_pass(world.cms, 1)
    world.serve(EMAIL)
    assert world.cms.states(EMAIL, [again]) == ["pending"]
    let_pass(world.cms, 2)
    world.serve(EMAIL)
    assert _fates(world, EMAIL, again) == [f"duplicate of {first}"]
    assert mailer.leads == [first]


def test_leads_of_before_the_installation_make_no_duplicates(world: World) -> None:
    _ask(world)
    world.record()
    world.cms.run("UPDATE orchestration.leads SET baseline = true")
    world.cms.run("DELETE FROM orchestration.deliveries")
    again = _ask(world)
    world.drain()
    assert _fates(world, EMAIL, again) == ["sent"]
