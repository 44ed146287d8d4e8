"""Reports of weeks and months follow their days by themselves, and a mailing that failed is tried again."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cep_orchestration.amounts import MADRID
from cep_orchestration.stats.defs import daily
from cep_orchestration.stats.report import Period
from cep_orchestration.stats.report_defs import MAILINGS, REPORTS, key_of
from cep_orchestration.stats.ui_defs import DAILY, FOLLOWED
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.stats.test_stats_defs import TODAY, Desk

MONDAY = TODAY - timedelta(days=TODAY.weekday() + 7)
REPORT, MAILING = key_of(Period.WEEK, "report"), key_of(Period.WEEK, "mailing")
DEFINED = dg.Definitions([daily, *REPORTS, *MAILINGS], resources={"stats_services": None})
MORNING = datetime.combine(MONDAY + timedelta(days=7), time(8), MADRID)
MINUTE = timedelta(minutes=1)


@dataclass
class Watch:
    """The looks of the sensor, one after the other, at what lies in the instance."""

    instance: dg.DagsterInstance
    cursor: Any = None

    def asks_for(self, at: datetime) -> set[dg.AssetKey]:
        """Of the week, its report and its mailing."""
        found = dg.evaluate_automation_conditions(
            DEFINED, self.instance, dg.AssetSelection.assets(REPORT, MAILING), evaluation_time=at, cursor=self.cursor
        )
        self.cursor = found.cursor
        return {key for key in (REPORT, MAILING) if MONDAY.isoformat() in found.get_requested_partitions(key)}


@pytest.fixture
def desk(cms: DemoCms, tmp_path: Path) -> Desk:
    """On the morning after the week."""
    return Desk(cms, dg.DagsterInstance.ephemeral(str(tmp_path)), now=MORNING)


def follow(desk: Desk, *keys: dg.AssetKey) -> bool:
    return desk.materialize(*keys, since=MONDAY, until=MONDAY, **{FOLLOWED: "true"}).success


def test_a_week_is_asked_for_once_its_seven_days_are_counted(desk: Desk) -> None:
    watch, sunday = Watch(desk.instance), MONDAY + timedelta(days=6)
    desk.materialize(DAILY, since=MONDAY, until=sunday - timedelta(days=1))
    assert watch.asks_for(MORNING - 5 * MINUTE) == set()
    desk.materialize(DAILY, since=sunday, until=sunday)
    assert watch.asks_for(MORNING - 4 * MINUTE) == {REPORT, MAILING}
    assert watch.asks_for(MORNING - 3 * MINUTE) == set()


def test_a_mailing_that_failed_is_tried_again_each_morning_until_it_went(desk: Desk) -> None:
    watch = Watch(desk.instance)
    assert watch.asks_for(MORNING - 6 * MINUTE) == set()
    desk.materialize(DAILY, since=MONDAY, until=MONDAY + timedelta(days=6))
    asked = watch.asks_for(MORNING - 5 * MINUTE)
    desk.post.refuses = True
    for day in (timedelta(), timedelta(days=1)):
        assert not follow(desk, *asked)
        assert watch.asks_for(MORNING + day - MINUTE) == set()
        asked = watch.asks_for(MORNING + day + MINUTE)
        assert asked == {MAILING}
        assert watch.asks_for(MORNING + day + 2 * MINUTE) == set()
    desk.post.refuses = False
    assert follow(desk, *asked)
    assert watch.asks_for(MORNING + timedelta(days=2, minutes=1)) == set()
    assert len(desk.post.sent) == 1
