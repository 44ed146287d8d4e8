"""The sandbox's mail server: what it keeps of a letter, and when a start of the system has one."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cep_orchestration.environment import read_settings
from cep_orchestration.failures import SettingError
from cep_orchestration.local.parts import ports
from cep_orchestration.local.plan import Plan, Secrets, make_plan
from cep_orchestration.local.sandbox.mailbox import read_letter
from cep_orchestration_tests.clients.mail_servers import MailingSandbox, sandbox_with_mail
from cep_orchestration_tests.local.sandbox.client import TIMEOUT, Client
from cep_orchestration_tests.providers import Remote

KEYS = Secrets("password", "key", "secret")
REAL_CMS = {"CMS_DATABASE_URL": "postgresql://cep:x@db.cep.es/cms"}
FROM, ANA, LUIS = "sistema@cep.example", "ana@cep.example", "luis@cep.example"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailingSandbox]:
    with sandbox_with_mail(tmp_path_factory.mktemp("mail")) as sandbox:
        yield sandbox


@pytest.fixture
def mailing(running: MailingSandbox) -> MailingSandbox:
    Remote(running.base).clear()
    return running


def _letter(text: str = "Hola.\nHasta luego.") -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = FROM, ANA, "Informe de otoño"
    letter.set_content(text)
    return letter


def _send(mailing: MailingSandbox, content: EmailMessage | bytes, *to: str) -> list[dict[str, Any]]:
    """Sends one letter; returns all that were kept, oldest first."""
    parts = urlsplit(mailing.smtp)
    with smtplib.SMTP(parts.hostname or "", parts.port or 0, timeout=TIMEOUT) as client:
        if isinstance(content, bytes):
            client.sendmail(FROM, to or [ANA], content)
        else:
            client.send_message(content, FROM, to or [ANA])
    return Remote(mailing.base).sent("mail")


def test_a_letter_is_kept_with_subject_text_sender_and_everybody_who_gets_it(mailing: MailingSandbox) -> None:
    [kept] = _send(mailing, _letter(), ANA, LUIS)
    assert (kept["to"], kept["title"], kept["body"]) == (f"{ANA}, {LUIS}", "Informe de otoño", "Hola.\nHasta luego.")
    assert kept["details"] == {"sender": FROM, "recipients": [ANA, LUIS], "attachments": []}
    assert Client(mailing.base).counts()["mail"] == 1


def test_what_is_attached_is_kept_by_name_type_and_size(mailing: MailingSandbox) -> None:
    letter = _letter()
    letter.add_attachment(b"%PDF" * 100_000, maintype="application", subtype="pdf", filename="informe semanal.pdf")
    letter.add_attachment(b"a;b\n", maintype="text", subtype="csv", filename="año.csv")
    letter.add_attachment(_letter("Reenviado."))
    [kept] = _send(mailing, letter)
    pdf, csv, forwarded = kept["details"]["attachments"]
    assert pdf == {"name": "informe semanal.pdf", "type": "application/pdf", "size_bytes": 400_000}
    assert csv == {"name": "año.csv", "type": "text/csv", "size_bytes": 4}
    assert forwarded["type"] == "message/rfc822"
    assert kept["body"] == "Hola.\nHasta luego."


def test_of_two_forms_of_a_text_the_plain_one_is_kept(mailing: MailingSandbox) -> None:
    letter = _letter()
    letter.add_alternative("<p>Hola</p>", subtype="html")
    [kept] = _send(mailing, letter)
    assert kept["body"] == "Hola.\nHasta luego."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"no head at all",
        b"Subject: =?utf-8?q?=ff?=\r\n\r\n\xff\xfe",
        b"Subject: \xf1\r\nContent-Type: text/plain; charset=klingon\r\n\r\nx\xf1",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x--",
        b"Content-Transfer-Encoding: base64\r\n\r\n!!!",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Type: image/png\r\nContent-Disposition: attachment\r\n\r\n",
    ],
)
def test_a_letter_that_is_hardly_one_is_kept_all_the_same(mailing: MailingSandbox, content: bytes) -> None:
    [kept] = _send(mailing, content)
    assert kept["title"]
    assert kept["details"]["recipients"] == [ANA]


def test_a_letter_without_a_subject_says_so() -> None:
    assert read_letter(b"\r\nHola\r\n", FROM, [ANA]).title == "(sin asunto)"


def test_letters_of_several_connections_at_once_are_all_kept(mailing: MailingSandbox) -> None:
    parts = urlsplit(mailing.smtp)
    clients = [smtplib.SMTP(parts.hostname or "", parts.port or 0, timeout=TIMEOUT) for _ in range(5)]
    for client in clients:
        client.send_message(_letter(), FROM, [ANA])
    Client(mailing.base).slack(text="between")
    for client in clients:
        client.send_message(_letter(), FROM, [LUIS])
        client.quit()
    assert sorted(one["to"] for one in Remote(mailing.base).sent("mail")) == [ANA] * 5 + [LUIS] * 5


def test_the_page_has_a_place_for_mail(mailing: MailingSandbox) -> None:
    page = Client(mailing.base).ask("GET", "/").text
    assert 'id="mail"' in page
    assert "mail: drawMail" in page


def _plan(**environ: str) -> Plan:
    return make_plan(environ, KEYS)


def test_the_demo_mails_its_alerts_to_invented_operators_in_the_sandbox() -> None:
    made = _plan(SMTP_PORT="2525")
    assert made.settings.smtp_url == "smtp://127.0.0.1:2525"
    assert made.settings.alert_emails["operators"] == ("operadores@cep.example",)
    assert made.settings.alert_emails["developers"] == ("desarrollo@cep.example",)
    assert ("SMTP_PORT", 2525) in ports(made)


def test_a_mail_server_and_people_that_are_named_stay_as_they_are() -> None:
    made = _plan(SMTP_URL="smtp://localhost:1025", ALERT_EMAIL_OPERATORS=ANA)
    assert made.settings.smtp_url == "smtp://localhost:1025"
    assert made.settings.alert_emails["operators"] == (ANA,)
    assert "SMTP_PORT" not in dict(ports(made))


def test_the_demo_refuses_to_start_beside_a_real_mail_server() -> None:
    with pytest.raises(SettingError, match="SMTP is configured with a real address"):
        _plan(SMTP_URL="smtp://mail.cep.es")


def test_beside_a_real_cms_mail_goes_to_the_sandbox_only_where_its_address_says_so() -> None:
    assert not make_plan(REAL_CMS, KEYS).runs_sandbox
    made = make_plan(REAL_CMS | {"SMTP_URL": "smtp://127.0.0.1:3003"}, KEYS)
    assert made.runs_sandbox
    assert {"SANDBOX_PORT", "SMTP_PORT"} <= dict(ports(made)).keys()
    assert made.settings.alert_emails["operators"] == ()


def test_two_parts_on_one_port_are_a_sentence() -> None:
    with pytest.raises(SettingError, match="UI_PORT and SMTP_PORT both take port 3003"):
        ports(_plan(UI_PORT="3003"))


def test_the_sender_must_be_one_address() -> None:
    assert read_settings({"SMTP_FROM": FROM}).smtp_from == FROM
    for wrong in ("CEP <sistema@cep.es>", f"{ANA},{LUIS}", "sistema"):
        with pytest.raises(SettingError, match=r"SMTP_FROM must be one e-mail address"):
            read_settings({"SMTP_FROM": wrong})


def test_letters_survive_a_restart(tmp_path: Path) -> None:
    with sandbox_with_mail(tmp_path) as first:
        _send(first, _letter())
    with sandbox_with_mail(tmp_path) as second:
        assert len(Remote(second.base).sent("mail")) == 1
