"""Which campaigns a sync reads, and which days."""

from datetime import date, timedelta

import pytest

from cep_orchestration.campaigns.model import Campaign
from cep_orchestration.campaigns.rules import reading_window, wanted

TODAY = date(2026, 11, 24)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.mark.parametrize(
    ("campaign", "is_read"),
    [
        (Campaign("1", "Activa", "active", "11"), True),
        (Campaign("1", "Activa sin Meta", "active", None), False),
        (Campaign("1", "Activa desde hace años", "active", "11", last_delivery=ago(900), was_read=True), True),
        (Campaign("1", "Borrador", "draft", "11"), False),
        (Campaign("1", "Pausada nunca leída", "paused", "11"), True),
        (Campaign("1", "Terminada nunca leída", "completed", "11"), True),
        (Campaign("1", "Pausada ayer", "paused", "11", last_delivery=ago(1), was_read=True), True),
        (Campaign("1", "Terminada hace 28 días", "completed", "11", last_delivery=ago(28), was_read=True), True),
        (Campaign("1", "Terminada hace 29 días", "completed", "11", last_delivery=ago(29), was_read=True), False),
        (Campaign("1", "Terminada sin entregar nada", "completed", "11", was_read=True), False),
    ],
    ids=lambda value: value.name if isinstance(value, Campaign) else str(value),
)
def test_a_campaign_is_read_while_anything_of_it_can_change(campaign: Campaign, is_read: bool) -> None:
    assert (wanted([campaign], TODAY) == [campaign]) is is_read


@pytest.mark.parametrize(
    ("read_on", "since"),
    [(None, ago(27)), (ago(1), ago(27)), (TODAY, ago(2))],
    ids=["never", "yesterday", "today"],
)
def test_all_that_can_be_restated_is_read_once_a_day_and_three_days_otherwise(
    read_on: date | None, since: date
) -> None:
    assert reading_window(TODAY, read_on) == (since, TODAY)
