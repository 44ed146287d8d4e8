"""A channel whose provider fails pauses itself, uses up nobody's attempts, probes, goes on; on a real database."""

from cep_orchestration.alert_ports import Severity
from cep_orchestration.leads.model import Health, Pause, Verdict
from cep_orchestration.ports import Outcome, Retry, Sent, Unavailable
from cep_orchestration_tests.fakes import FakeCrm, FakeList
from cep_orchestration_tests.leads.claiming import let_pass
from cep_orchestration_tests.leads.running import CRM, LIST, World

STATE = "SELECT paused FROM orchestration.channels WHERE channel = :channel"
ATTEMPTS = "SELECT DISTINCT attempts FROM orchestration.deliveries WHERE channel = :channel"
PROBE_IN = (
    "SELECT round(extract(epoch FROM probe_at - now()))::int FROM orchestration.channels WHERE channel = :channel"
)
PAUSED = f"paused/{CRM}"
BACK_OFF = 6.0
TWICE = (Retry("500"), Retry("500"))


def _waiting(world: World, count: int, *outcomes: Outcome) -> FakeCrm:
    """A CRM that answers so, and leads that wait for it."""
    world.crm = crm = FakeCrm(*outcomes)
    world.cms.ask(count)
    world.record()
    return crm


def _sizes(crm: FakeCrm) -> list[int]:
    return [len(call) for call in crm.calls]


def test_three_calls_of_several_leads_that_fail_in_a_row_pause_the_channel_and_use_up_no_attempt(world: World) -> None:
    crm = _waiting(world, 40, Retry("500"))
    world.serve(CRM)
    let_pass(world.cms, BACK_OFF)
    world.serve(CRM)
    assert _sizes(crm) == [40, 10, 10]
    assert world.cms.rows(STATE, channel=CRM) == ["outage"]
    [alert] = world.alerts.raised
    assert (alert.fingerprint, alert.severity) == (PAUSED, Severity.HIGH)
    assert "500" in alert.what_to_do
    crm.answer_with(Sent())
    let_pass(world.cms, BACK_OFF)
    world.serve(CRM)
    assert _sizes(crm) == [40, 10, 10, 1, 39]
    assert world.cms.rows(ATTEMPTS, channel=CRM) == [1]


def test_failures_of_two_leads_in_a_row_are_not_one_leads_fault(world: World) -> None:
    crm = _waiting(world, 1, Retry("500"))
    world.serve(CRM)
    let_pass(world.cms, BACK_OFF)
    world.serve(CRM)
    world.cms.ask(1)
    world.record()
    world.serve(CRM)
    assert (_sizes(crm), world.cms.rows(STATE, channel=CRM)) == ([1, 1, 1], ["outage"])
    assert world.cms.rows(ATTEMPTS, channel=CRM) == [0]
    assert world.alerts.fingerprints == [PAUSED]


def test_failures_with_a_success_between_them_pause_nothing(world: World) -> None:
    crm = _waiting(world, 1, *TWICE, Sent(), *TWICE, Sent())
    for _ in range(6):
        world.cms.ask(1)
        world.record()
        world.serve(CRM, times=1)
    assert _sizes(crm) == [1] * 6
    assert world.cms.rows(STATE, channel=CRM) == [None]
    assert world.alerts.raised == []


def test_a_service_that_is_away_pauses_its_channel_with_the_third_call_whoever_it_is_for(world: World) -> None:
    crm = _waiting(world, 1, Unavailable("503"))
    for _ in range(3):
        assert world.alerts.raised == []
        world.serve(CRM)
        assert world.cms.rows(ATTEMPTS, channel=CRM) == [0]
        let_pass(world.cms, 8)
    assert (_sizes(crm), world.cms.rows(STATE, channel=CRM)) == ([1] * 3, ["outage"])
    assert world.alerts.fingerprints == [PAUSED]


def test_a_probe_is_one_lead_and_the_channel_goes_on_with_all_when_it_works(world: World) -> None:
    crm = _waiting(world, 30, Retry("500"))
    world.pause(Pause.OUTAGE)
    world.serve(CRM)
    assert crm.calls == []
    for wait in (5, 10):
        let_pass(world.cms, wait)
        world.serve(CRM)
    assert _sizes(crm) == [1, 1]
    assert world.alerts.resolved == []
    crm.answer_with(Sent())
    let_pass(world.cms, 20)
    world.serve(CRM)
    assert _sizes(crm) == [1, 1, 1, 29]
    assert world.alerts.resolved == [PAUSED]
    assert world.alerts.raised == []


def test_probes_become_rarer_up_to_one_a_minute_and_begin_anew_with_the_next_outage(world: World) -> None:
    crm = _waiting(world, 1, Retry("500"))
    for _ in range(2):
        world.pause(Pause.OUTAGE)
        waits = world.cms.rows(PROBE_IN, channel=CRM)
        for _ in range(5):
            let_pass(world.cms, waits[-1])
            world.serve(CRM)
            waits += world.cms.rows(PROBE_IN, channel=CRM)
        assert waits == [5, 10, 20, 40, 60, 60]
        crm.answer_with(Sent(), Retry("500"))
        let_pass(world.cms, 60)
        world.cms.ask(1)
        world.record()
        world.serve(CRM, times=1)


def test_only_one_run_makes_the_probe(world: World) -> None:
    _waiting(world, 3)
    world.pause(Pause.OUTAGE)
    let_pass(world.cms, 5)
    [channel] = [one for one in world.channels if one.name == CRM]
    first, second = (world.cms.ledger.claim(channel, drain) for drain in "ab")
    assert (len(first.claims), first.probe, second.claims) == (1, True, ())


def test_a_probe_that_was_killed_is_made_again_after_a_minute(world: World) -> None:
    _waiting(world, 3)
    world.pause(Pause.OUTAGE)
    let_pass(world.cms, 5)
    [channel] = [one for one in world.channels if one.name == CRM]
    world.cms.claim(channel, "killed")
    assert CRM not in world.cms.ledger.due(world.channels)
    let_pass(world.cms, 60)
    world.serve(CRM)
    assert world.cms.rows(STATE, channel=CRM) == [None]


def test_a_lead_for_whom_there_is_nothing_to_call_does_not_use_up_the_probe(world: World) -> None:
    world.list = members = FakeList()
    world.cms.ask(3)
    world.cms.run("UPDATE public.leads SET marketing_consent = false")
    [agreed] = world.cms.ask(1)
    world.record()
    world.pause(Pause.OUTAGE, LIST)
    let_pass(world.cms, 5)
    world.serve(LIST)
    assert members.leads == [agreed]
    assert world.alerts.resolved == [f"paused/{LIST}"]


def test_what_a_provider_asks_to_wait_is_waited_by_everybody_who_calls_it(world: World) -> None:
    crm = _waiting(world, 1, Unavailable("429", 60.0))
    world.serve(CRM)
    world.cms.ask(1, email="another@example.com")
    world.record()
    for wait in (0, 58):
        let_pass(world.cms, wait)
        assert CRM not in world.cms.ledger.due(world.channels)
        [channel] = [one for one in world.channels if one.name == CRM]
        assert world.cms.claim(channel, "eager") == []
    crm.answer_with(Sent())
    let_pass(world.cms, 3)
    world.serve(CRM)
    assert _sizes(crm) == [1, 2]


def test_a_probe_is_not_made_before_the_provider_allows_it(world: World) -> None:
    _waiting(world, 1, Unavailable("429", 90.0))
    for _ in range(3):
        world.serve(CRM)
        let_pass(world.cms, 90)
    assert world.cms.rows(PROBE_IN, channel=CRM) == [0]
    world.serve(CRM)
    assert world.cms.rows(PROBE_IN, channel=CRM) == [90]


def test_a_probe_waits_for_the_longest_time_that_any_call_was_told(world: World) -> None:
    crm = _waiting(world, 1)
    states = world.services.states
    for wait in (90.0, 5.0, 5.0):
        states.note(CRM, Verdict(Health.FAILS, "429", wait_seconds=wait), 0.0, probe=False)
    let_pass(world.cms, 10)
    [channel] = [one for one in world.channels if one.name == CRM]
    assert world.cms.claim(channel, "eager") == []
    let_pass(world.cms, 81)
    world.serve(CRM)
    assert _sizes(crm) == [1]
