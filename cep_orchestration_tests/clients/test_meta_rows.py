"""Meta's rows as our values: leads counted once, money in units, nothing guessed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from cep_orchestration.ad_ports import Figures
from cep_orchestration.clients.meta_rows import MalformedError, budget, expiry, insight_row, leads
from cep_orchestration_tests.clients.meta_server import TODAY, row

WHOLE = ["CLP", "COP", "CRC", "HUF", "IDR", "ISK", "JPY", "KRW", "PYG", "TWD", "VND"]  # as Meta's table has them
ON, OFF = "onsite_conversion.lead_grouped", "offsite_conversion.fb_pixel_lead"


@pytest.mark.parametrize(
    ("actions", "count"),
    [
        ({"lead": "7", ON: "4", OFF: "3"}, 7),
        ({"lead": "3", OFF: "3"}, 3),
        ({"lead": "0", ON: "4"}, 0),
        ({ON: "4", OFF: "3"}, 7),
        ({ON: "4"}, 4),
        ({OFF: "3"}, 3),
        ({"leadgen_grouped": "4", "omni_lead": "4", ON: "4"}, 4),
        ({"link_click": "50", "page_engagement": "70"}, 0),
        ({"lead": 3}, 3),
        ({"lead": "3.00"}, 3),
        ({}, 0),
    ],
)
def test_each_lead_counts_once(actions: dict[str, Any], count: int) -> None:
    assert leads([{"action_type": name, "value": value} for name, value in actions.items()]) == count


def test_a_row_without_actions_has_no_leads() -> None:
    assert leads(None) == 0


def test_what_a_row_lacks_is_nothing() -> None:
    bare = {"campaign_id": "1", "date_start": f"{TODAY}", "date_stop": f"{TODAY}"}
    assert insight_row(bare).figures == Figures(0, 0, Decimal(0), 0, 0)


def test_money_is_exact() -> None:
    assert insight_row(row("1", TODAY, spend="0.1")).figures.spend == Decimal("0.1")
    assert insight_row(row("1", TODAY, spend=1234567.89)).figures.spend == Decimal("1234567.89")


@pytest.mark.parametrize("wrong", [None, [], "row", 7])
def test_what_is_no_row_is_malformed(wrong: Any) -> None:
    with pytest.raises(MalformedError):
        insight_row(wrong)


@pytest.mark.parametrize(
    ("value", "currency", "units"),
    [
        ("2050", "EUR", "20.5"),
        ("1", "EUR", "0.01"),
        (2050, "USD", "20.5"),
        ("2050", "BHD", "20.5"),  # three decimals by ISO, an offset of 100 for Meta
        *(("2050", each, "2050") for each in WHOLE),
    ],
)
def test_a_budget_is_in_units_of_the_currency(value: Any, currency: str, units: str) -> None:
    assert budget(value, currency) == Decimal(units)


@pytest.mark.parametrize("value", [None, "0", 0])
def test_no_budget_is_none(value: Any) -> None:
    assert budget(value, "EUR") is None


def test_the_end_of_a_token_is_an_instant() -> None:
    assert expiry({"data": {"expires_at": 1_800_000_000}}) == datetime(2027, 1, 15, 8, tzinfo=UTC)
    assert expiry({"data": {"expires_at": 999_999_999_999_999}}) is None
