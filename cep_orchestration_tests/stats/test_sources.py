"""Leads are counted by where they came from, where the contract's view says it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from cep_orchestration.database.contract import contract_faults
from cep_orchestration.stats.store import StatsStore
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.leads.running import channels_of
from cep_orchestration_tests.stats.books import Books, on
from cep_orchestration_tests.stats.counting import Past
from cep_orchestration_tests.stats.test_reading import DAY, ONE, counted, names, report_of

TODAY = datetime.now(UTC).date()


def with_source(cms: DemoCms, expression: str) -> None:
    """The contract's view gets one more column."""
    with cms.engine.begin() as connection:
        view = connection.execute(text("SELECT pg_get_viewdef('orchestration.cms_leads')")).scalar_one().rstrip("; ")
        wider = f"SELECT v.*, {expression} AS source FROM ({view}) AS v".replace("%", "%%")
        connection.exec_driver_sql(f"CREATE OR REPLACE VIEW orchestration.cms_leads AS {wider}")


def test_a_lead_is_counted_by_its_source(cms: DemoCms) -> None:
    with_source(cms, "CASE WHEN v.id::int % 2 = 0 THEN 'web' ELSE ' ' END")
    cms.ask(4, created="now() - interval '1 day'")
    cms.ledger.record_new(channels_of(None, None, None), whole_table=True)
    StatsStore(cms.engine).count(TODAY - timedelta(days=3), TODAY - timedelta(days=1), TODAY)
    counted = cms.rows(
        "SELECT entity, sum(value)::int FROM orchestration.daily_stats WHERE metric = 'leads_by_source' GROUP BY 1"
    )
    assert counted == [("web", 2)]


def test_a_source_of_a_wrong_type_is_a_fault_and_none_is_not(cms: DemoCms) -> None:
    with cms.engine.connect() as connection:
        assert contract_faults(connection) == []
    with_source(cms, "1")
    with cms.engine.connect() as connection:
        [fault] = contract_faults(connection)
    assert "column source of the view orchestration.cms_leads is integer" in fault


def test_a_source_that_brought_nobody_this_time_is_called_by_its_name(books: Books) -> None:
    counted(books, Past([*on(DAY - ONE, 2, source="web"), *on(DAY, 1, source="meta")]), DAY - ONE, DAY)
    assert names(report_of(books), "Origen") == [("meta", 1), ("web", 0)]
