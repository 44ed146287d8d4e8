"""A report says how far its numbers can be trusted; on a real database."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from cep_orchestration_tests.stats.books import Books, at, on
from cep_orchestration_tests.stats.counting import Past
from cep_orchestration_tests.stats.test_reading import DAY, ONE, counted, report_of

UNKNOWN = """
INSERT INTO orchestration.deliveries (lead_id, channel, state, created_at) VALUES (:lead, :channel, 'unknown', :at)
"""
BACKUP = text("""
INSERT INTO orchestration.backups (kind, taken_at, run_id, type, proven_at)
VALUES (:kind, :taken_at, 'a run', 'full', :proven_at)
""")


def test_the_quality_of_the_data_is_that_of_the_period(books: Books) -> None:
    failed = [("crm_contact", at(DAY)), ("crm_contact", at(DAY)), ("advisor_message", at(DAY))]
    counted(books, Past(failed=[*failed, ("crm_contact", at(DAY - ONE))]), DAY, DAY - ONE)
    [lead] = books.leads(on(DAY, held=True))
    for channel, moment in (("a", at(DAY, 0)), ("b", at(DAY, 23.9)), ("c", at(DAY, 24)), ("d", at(DAY - ONE))):
        books.cms.run(UNKNOWN, lead=lead, channel=channel, at=moment)
    books.cms.run(
        "INSERT INTO orchestration.ad_account VALUES (true, 'act_1', 'CEP', 'EUR', 'Europe/Madrid', NULL, NULL, now())"
    )
    books.cms.run(
        "INSERT INTO orchestration.ad_campaigns (meta_campaign_id, days_read_at) VALUES ('1', :at)",
        at=at(DAY - 2 * ONE),
    )
    quality = report_of(books).quality
    assert (quality.failed, quality.unknown, quality.ads_until) == (3, 2, DAY - 2 * ONE)


def test_the_quality_says_when_a_backup_of_the_database_was_last_proven(books: Books) -> None:
    counted(books, Past(on(DAY, 1)), DAY)
    assert report_of(books).quality.proven_backup is None
    proven = datetime(2026, 11, 22, 2, 14, tzinfo=UTC)
    with books.cms.engine.begin() as connection:
        rows = [("database", proven), ("database", None), ("media", proven + ONE)]
        for number, (kind, proven_at) in enumerate(rows):
            taken_at = proven + timedelta(hours=number)
            connection.execute(BACKUP, {"kind": kind, "taken_at": taken_at, "proven_at": proven_at})
    assert report_of(books).quality.proven_backup == proven
