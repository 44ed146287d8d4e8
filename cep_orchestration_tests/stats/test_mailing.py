"""A report is mailed once a period, whatever is rerun; of one that may have gone nobody says that it did not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from cep_orchestration.stats.days import span
from cep_orchestration.stats.mailing import Mailed, Mailing
from cep_orchestration.stats.model import StatsError
from cep_orchestration.stats.reading import read_report
from cep_orchestration.stats.report import Period, Report
from cep_orchestration.stats.store import StatsStore
from cep_orchestration_tests.demo_cms import DemoCms

TODAY = datetime.now(UTC).date()
DAY = TODAY - timedelta(days=2)
PDF = b"%PDF-1.7"


@dataclass
class FakePost:
    """`refuses`: the server does not take it; `breaks`: the process dies while it is on its way."""

    recipients: Sequence[str] = ("gestion@cep.example",)
    refuses: bool = False
    breaks: bool = False
    loses: bool = False
    """The connection, while it is on its way."""
    refused: int = 0
    """How many of the recipients."""
    sent: list[tuple[str, str, str, bytes]] = field(default_factory=list)

    def send(self, subject: str, body: str, filename: str, pdf: bytes) -> int | None:
        if self.breaks:
            raise KeyboardInterrupt
        if self.loses:
            return None
        if not self.refuses:
            self.sent.append((subject, body, filename, pdf))
        return 0 if self.refuses else len(self.recipients) - self.refused


@pytest.fixture
def report(cms: DemoCms) -> Report:
    StatsStore(cms.engine).count(DAY, DAY, TODAY)
    return read_report(cms.engine, Period.DAY, DAY, datetime.now(UTC))


def test_a_report_is_mailed_once_with_the_pdf_and_the_numbers_as_text(cms: DemoCms, report: Report) -> None:
    post = FakePost()
    mailing = Mailing(cms.engine, post)
    assert [mailing.mail(report, PDF), mailing.mail(report, PDF)] == [Mailed.SENT, Mailed.BEFORE]
    [(subject, body, filename, pdf)] = post.sent
    assert (subject, filename, pdf) == (f"Reporte diario {DAY}", f"reporte-{DAY}.pdf", PDF)
    assert f"{report.headlines[0].values.now:.0f}" in body


def test_a_report_can_be_mailed_again_by_somebody_who_says_so(cms: DemoCms, report: Report) -> None:
    post = FakePost()
    mailing = Mailing(cms.engine, post)
    mailing.mail(report, PDF)
    assert mailing.mail(report, PDF, again=True) is Mailed.SENT
    assert len(post.sent) == 2


def test_a_report_that_the_server_refuses_is_mailed_by_the_next_run(cms: DemoCms, report: Report) -> None:
    post = FakePost(refuses=True)
    mailing = Mailing(cms.engine, post)
    with pytest.raises(StatsError, match="no aceptó el reporte"):
        mailing.mail(report, PDF)
    post.refuses = False
    assert mailing.mail(report, PDF) is Mailed.SENT


@pytest.mark.parametrize(("refused", "mailed"), [(0, Mailed.SENT), (1, Mailed.PARTLY), (2, Mailed.PARTLY)])
def test_a_report_that_was_refused_for_some_is_not_called_mailed_and_no_more(
    cms: DemoCms, report: Report, refused: int, mailed: Mailed
) -> None:
    mailing = Mailing(cms.engine, FakePost(("a@cep.example", "b@cep.example", "c@cep.example"), refused=refused))
    assert mailing.mail(report, PDF) is mailed
    assert mailing.mail(report, PDF) is Mailed.BEFORE


def test_a_report_that_was_refused_for_everybody_is_mailed_by_the_next_run(cms: DemoCms, report: Report) -> None:
    post = FakePost(refused=1)
    with pytest.raises(StatsError, match="no aceptó el reporte"):
        Mailing(cms.engine, post).mail(report, PDF)
    post.refused = 0
    assert Mailing(cms.engine, post).mail(report, PDF) is Mailed.SENT


def test_who_comes_while_a_report_is_mailed_is_not_told_that_it_was_interrupted(cms: DemoCms, report: Report) -> None:
    another = Mailing(cms.engine, FakePost())

    class Meanwhile(FakePost):
        def send(self, subject: str, body: str, filename: str, pdf: bytes) -> int | None:
            with pytest.raises(StatsError, match="Otra ejecución acaba de empezar a enviar"):
                another.mail(report, PDF)
            return super().send(subject, body, filename, pdf)

    assert Mailing(cms.engine, Meanwhile()).mail(report, PDF) is Mailed.SENT
    assert another.mail(report, PDF) is Mailed.BEFORE


def test_a_report_whose_mailing_was_killed_is_not_sent_again_by_itself(cms: DemoCms, report: Report) -> None:
    post = FakePost(breaks=True)
    mailing = Mailing(cms.engine, post)
    with pytest.raises(KeyboardInterrupt):
        mailing.mail(report, PDF)
    post.breaks = False
    cms.run("UPDATE orchestration.mailed_reports SET claimed_at = now() - interval '3 minutes'")
    with pytest.raises(StatsError, match=r"se interrumpió.*resend: true"):
        mailing.mail(report, PDF)
    assert post.sent == []
    assert mailing.mail(report, PDF, again=True) is Mailed.SENT


def test_a_report_whose_connection_was_lost_is_not_sent_again_by_itself(cms: DemoCms, report: Report) -> None:
    post = FakePost(loses=True)
    mailing = Mailing(cms.engine, post)
    for _ in range(2):
        with pytest.raises(StatsError, match="no se sabe si salió"):
            mailing.mail(report, PDF)


def test_a_report_that_went_stays_so_when_a_second_mailing_is_refused(cms: DemoCms, report: Report) -> None:
    post = FakePost()
    mailing = Mailing(cms.engine, post)
    mailing.mail(report, PDF)
    post.refuses = True
    with pytest.raises(StatsError, match="no aceptó"):
        mailing.mail(report, PDF, again=True)
    assert mailing.mail(report, PDF) is Mailed.BEFORE


def test_each_period_has_a_mail_of_its_own(cms: DemoCms) -> None:
    days = span(TODAY - timedelta(days=70), TODAY - timedelta(days=1))
    StatsStore(cms.engine).count(days[0], days[-1], TODAY)
    post = FakePost()
    whole: date = TODAY.replace(day=1) - timedelta(days=1)
    for kind in Period:
        Mailing(cms.engine, post).mail(read_report(cms.engine, kind, whole, datetime.now(UTC)), PDF)
    assert [subject.rsplit(" ", 1)[0] for subject, *_ in post.sent] == [
        "Reporte diario",
        "Reporte semanal",
        "Reporte mensual",
    ]


def test_from_a_restored_copy_that_nobody_has_seen_as_one_nothing_is_mailed(cms: DemoCms, report: Report) -> None:
    post = FakePost()
    cms.run("UPDATE orchestration.installation SET home = 'elsewhere'")
    with pytest.raises(StatsError, match="copia restaurada"):
        Mailing(cms.engine, post).mail(report, PDF)
    assert post.sent == []
