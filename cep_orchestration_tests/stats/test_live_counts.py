"""The live count and the nightly recount give each lead the same day, and where they differ it is seen."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random

import pytest

from cep_orchestration.stats.store import Disagreement
from cep_orchestration_tests.demo_cms import RULES, DemoCms
from cep_orchestration_tests.leads.operating import acting
from cep_orchestration_tests.leads.running import World
from cep_orchestration_tests.stats.books import Books
from cep_orchestration_tests.stats.counting import MADRID

ONE = timedelta(days=1)
AGO = ("0 s", "1 s", "5 hours", "23 hours", "47 hours", "48 hours", "49 hours", "-1 s", "-3 days", "70 days", "9 years")
LIVE = "SELECT day, campus_id, value FROM orchestration.live_counts WHERE metric = 'leads_created' ORDER BY 1, 2"
COUNTED = """
SELECT date, entity, value FROM orchestration.daily_stats WHERE metric = 'leads_by_campus' ORDER BY 1, 2
"""


def today() -> date:
    return datetime.now(MADRID).date()


def recorded(cms: DemoCms, seed: int) -> None:
    """People who ask at all kinds of times and campuses, recorded as runs of the pipeline do it."""
    rng = Random(seed)
    for _ in range(4):
        for _ in range(rng.randint(1, 8)):
            moment = f"now() - interval '{rng.choice(AGO)}'"
            cms.ask(rng.randint(1, 3), campus=rng.choice([None, 1, 2, 3]), created=moment)
        cms.ledger.record_new([], whole_table=True)


def disagreements(books: Books) -> Sequence[Disagreement]:
    return books.store.disagreements(today() - 3 * ONE, today())


@pytest.mark.parametrize("seed", range(4))
def test_what_was_counted_live_is_what_is_recounted_by_day_and_campus(books: Books, seed: int) -> None:
    recorded(books.cms, seed)
    assert disagreements(books) == []
    books.count(today() - 5 * ONE, today())
    assert books.cms.rows(LIVE) == books.cms.rows(COUNTED) != []


def test_a_live_count_that_is_wrong_is_seen_with_its_day_and_campus(books: Books) -> None:
    books.cms.ask(2, campus=3)
    books.cms.ask(1, campus=None)
    books.cms.ledger.record_new([], whole_table=True)
    books.cms.run("UPDATE orchestration.live_counts SET value = value + 1 WHERE campus_id = '3'")
    books.cms.run("UPDATE orchestration.live_counts SET campus_id = '5' WHERE campus_id = ''")
    assert disagreements(books) == [
        Disagreement(today(), "", live=0, counted=1),
        Disagreement(today(), "3", live=3, counted=2),
        Disagreement(today(), "5", live=1, counted=0),
    ]


def test_days_before_those_that_are_asked_for_are_not_looked_at(books: Books) -> None:
    books.cms.ask(created="now() - interval '47 hours'")
    books.cms.ledger.record_new([], whole_table=True)
    [day] = books.cms.rows("SELECT day FROM orchestration.live_counts")
    books.cms.run("UPDATE orchestration.live_counts SET value = 9")
    assert books.store.disagreements(day + ONE, today()) == []
    assert [one.live for one in books.store.disagreements(day, today())] == [9]


def test_the_baseline_is_in_neither_count_of_the_comparison(books: Books) -> None:
    books.cms.ask(2)
    books.cms.ledger.record_new([], whole_table=True)
    books.cms.run("UPDATE orchestration.leads SET baseline = true; DELETE FROM orchestration.live_counts")
    assert disagreements(books) == []


def test_a_held_import_is_in_neither_count_and_once_released_in_both(books: Books) -> None:
    world = World(books.cms)
    books.cms.pour_in(RULES.surge_limit + 1, created="now() - interval '9 days'")
    world.record(whole_table=True)
    assert (disagreements(books), books.cms.rows(LIVE)) == ([], [])
    acting(world, "release_leads", dry_run=False, action="deliver")
    assert disagreements(books) == []
    books.count(today())
    assert books.cms.rows(LIVE) == books.cms.rows(COUNTED) == [(today(), "3", RULES.surge_limit + 1)]
