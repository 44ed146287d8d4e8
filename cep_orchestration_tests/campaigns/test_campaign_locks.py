"""What the CMS holds of its campaigns is not waited for long, is named, and is written the next time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from sqlalchemy import text

from cep_orchestration.campaigns import sql
from cep_orchestration_tests.campaigns.ad_fakes import AdDesk, figures

METRICS = (Decimal(4_000), Decimal(80), Decimal("40.00"), Decimal("10.00"))


@pytest.fixture
def campaigns(desk: AdDesk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Thirty that have been read; their ids in the CMS."""
    monkeypatch.setattr(sql, "PATIENCE", text("SET LOCAL lock_timeout = '200ms'"))
    made = [desk.campaign(f"Campaña {number}", f"{number}") for number in range(11, 41)]
    for number in range(11, 41):
        desk.ads.deliver(f"{number}", 2, figures())
    today = desk.services().today()
    desk.sync().read_days(today, today)
    return made


@contextmanager
def held(desk: AdDesk, statement: str) -> Iterator[None]:
    """What somebody else does to the CMS and has not finished."""
    with desk.cms.engine.connect() as connection:
        connection.execute(text(statement))
        yield
        connection.rollback()


def test_a_table_that_the_cms_holds_is_not_taken_for_one_that_cannot_be_written(
    desk: AdDesk, campaigns: list[str]
) -> None:
    with held(desk, "LOCK TABLE public.campaigns IN SHARE MODE"):
        totals = desk.sync().read_totals()
    assert (totals.written.campaigns, totals.written.left_out) == (0, ())
    assert len(totals.failed) == len(campaigns)
    assert "ocupada" in totals.failed["11"]
    assert desk.sync().read_totals().written.campaigns == len(campaigns)


def test_many_rows_that_the_cms_holds_are_not_waited_for_one_by_one(desk: AdDesk, campaigns: list[str]) -> None:
    began = time.monotonic()
    with held(desk, f"UPDATE public.campaigns SET name = name WHERE id <> {campaigns[0]}"):
        totals = desk.sync().read_totals()
    assert time.monotonic() - began < 0.2 * len(campaigns), "less than the patience that each would have taken"
    assert len(totals.failed) == len(campaigns) - 1
    assert desk.metrics(campaigns[0]) == METRICS
