"""The rules of the watch, by tables of what was seen."""

from datetime import UTC, datetime, timedelta

import pytest

from cep_orchestration.alert_ports import Severity
from cep_orchestration.operations.watch import (
    DaemonSeen,
    Room,
    RunSeen,
    ScheduleSeen,
    SensorSeen,
    Thresholds,
    daemon_troubles,
    gap_trouble,
    last_proof_holds,
    missed_tick,
    over,
    room_troubles,
    run_troubles,
    schedule_troubles,
    sensor_troubles,
)

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LIMITS = Thresholds(85, 95)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("cron", "since", "now", "missed"),
    [
        ("0 3 * * *", "2026-11-24T03:00+01:00", "2026-11-24T12:00+01:00", None),
        ("0 3 * * *", "2026-11-23T03:00+01:00", "2026-11-24T02:59+01:00", None),
        ("0 3 * * *", "2026-11-23T03:00+01:00", "2026-11-24T03:04+01:00", None),  # within its margin
        ("0 3 * * *", "2026-11-23T03:00+01:00", "2026-11-24T03:06+01:00", "2026-11-24T03:00+01:00"),
        ("0 3 * * *", "2026-11-20T03:00+01:00", "2026-11-24T12:00+01:00", "2026-11-24T03:00+01:00"),
        ("0 3 * * *", "2026-11-24T11:00+01:00", "2026-11-24T12:00+01:00", None),  # switched on after it was due
        ("0 2 * * *", "2026-03-28T02:00+01:00", "2026-03-29T02:58+02:00", None),  # that day has no 02:00
        ("0 2 * * *", "2026-03-29T03:00+02:00", "2026-03-29T12:00+02:00", None),
        ("0 2 * * *", "2026-10-25T02:00+01:00", "2026-10-25T12:00+01:00", None),  # the second 02:00 of that day
        ("*/15 * * * *", "2026-11-24T11:30+01:00", "2026-11-24T11:51+01:00", "2026-11-24T11:45+01:00"),
    ],
)
def test_a_schedule_is_missed_when_its_latest_time_and_a_margin_are_over_without_a_tick(
    cron: str, since: str, now: str, missed: str | None
) -> None:
    seen = ScheduleSeen("back_up_schedule", cron, "Europe/Madrid", at(since))
    assert missed_tick(seen, at(now)) == (at(missed) if missed else None)


def test_a_missed_or_failed_schedule_is_told_with_its_time_in_madrid() -> None:
    late = ScheduleSeen("late", "0 3 * * *", "Europe/Madrid", NOON - timedelta(days=2))
    failed = ScheduleSeen("failed", "0 3 * * *", "Europe/Madrid", NOON - timedelta(hours=1), failed=True)
    [one, two] = schedule_troubles([late, failed], NOON)
    assert one.title == "La programación late no se ejecutó a su hora: 2026-11-24 03:00:00 (hora de Madrid)"
    assert (one.severity, two.severity) == (Severity.HIGH, Severity.HIGH)
    assert two.title == "El último tick de la programación failed falló: no lanzó nada"
    assert over(one.fingerprint) == "La programación late vuelve a cumplirse"


@pytest.mark.parametrize(
    ("interval", "silent", "failures", "is_trouble"),
    [
        (10, 290, 0, False),
        (10, 301, 0, True),
        (600, 1_790, 0, False),
        (600, 1_801, 0, True),
        (10, 1, 2, False),
        (10, 1, 3, True),
    ],
)
def test_a_sensor_that_is_silent_or_fails_again_and_again_is_told(
    interval: int, silent: int, failures: int, is_trouble: bool
) -> None:
    seen = SensorSeen("new_leads", timedelta(seconds=interval), NOON - timedelta(seconds=silent), failures)
    assert [one.fingerprint for one in sensor_troubles([seen], NOON)] == ["watch:sensor:new_leads"] * is_trouble


@pytest.mark.parametrize(("minutes", "is_trouble"), [(4, False), (6, True), (None, True)])
def test_a_daemon_that_does_not_report_is_told(minutes: int | None, is_trouble: bool) -> None:
    last = NOON - timedelta(minutes=minutes) if minutes else None
    assert bool(list(daemon_troubles([DaemonSeen("SCHEDULER", last)], NOON))) == is_trouble


def test_runs_that_do_not_start_are_one_trouble_told_with_the_one_that_waited_longest() -> None:
    def run(job: str, minutes: int, *, queued: bool) -> RunSeen:
        return RunSeen(f"id of {job}", job, NOON - timedelta(minutes=minutes), queued)

    in_time = [run("a", 14, queued=True), run("b", 4, queued=False)]
    assert list(run_troubles(in_time, NOON)) == []
    late = [*in_time, run("back_up", 40, queued=True), run("c", 6, queued=False)]
    [told] = run_troubles(late, NOON)
    assert told.title == "Las ejecuciones no arrancan: 2 ejecuciones esperan, la primera (back_up) desde hace 40 min"
    assert told.run_id == "id of back_up"


@pytest.mark.parametrize(
    ("used", "before", "severity"),
    [
        (84.9, False, None),
        (85.0, False, Severity.HIGH),
        (94.9, False, Severity.HIGH),
        (95.0, False, Severity.CRITICAL),
        (83.5, True, Severity.HIGH),
        (82.9, True, None),
    ],
)
def test_what_fills_up_is_told_by_its_thresholds_and_is_over_only_clearly_below(
    used: float, before: bool, severity: Severity | None
) -> None:
    room = Room("disk/x", "El disco de CEP_HOME está", used, 100, "GB", "Libere espacio.")
    found = list(room_troubles([room], LIMITS, {"watch:room:disk/x"} if before else ()))
    assert [one.severity for one in found] == ([severity] if severity else [])


def test_a_full_disk_is_told_with_its_numbers() -> None:
    room = Room("disk/x", "El disco de CEP_HOME está", 432.16, 500, "GB", "Libere espacio.")
    [told] = room_troubles([room], LIMITS)
    assert told.title == "El disco de CEP_HOME está al 86%: 432,2 de 500,0 GB"


def test_what_was_not_watched_for_long_is_told_afterwards_and_nothing_at_the_first_look() -> None:
    assert list(gap_trouble(None, NOON)) == []
    assert list(gap_trouble(NOON - timedelta(minutes=9), NOON)) == []
    [told] = gap_trouble(NOON - timedelta(hours=3), NOON)
    assert told.title == "Nada se vigiló durante 3 h, desde 2026-11-24 10:00:00 (hora de Madrid)"


@pytest.mark.parametrize(("days", "holds"), [(None, False), (0, True), (8, True), (8.01, False)])
def test_a_proof_of_the_alerts_holds_for_eight_days(days: float | None, holds: bool) -> None:
    proven = NOON - timedelta(days=days) if days is not None else None
    assert last_proof_holds(proven, NOON) == holds
