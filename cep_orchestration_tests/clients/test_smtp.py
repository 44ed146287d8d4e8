"""Letters over real SMTP: what people read, how they travel, and when one counts as taken."""

import logging
import socket
import time
from collections.abc import Iterator
from email.message import EmailMessage
from urllib.parse import quote

import pytest

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.clients.smtp import AlertMail, Smtp
from cep_orchestration_tests.clients.mail_servers import (
    PASSWORD,
    USER,
    MailingSandbox,
    greeter,
    mail_server,
    sandbox_with_mail,
    talker,
    trusting,
)
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.providers import Remote, rude_server

ALERT = Alert("leads/x", Severity.HIGH, "La campaña de otoño espera", "Revise la clave de «Mandrill».")
ANA, LUIS = "ana@cep.example", "luis@cep.example"
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}"


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailingSandbox]:
    with sandbox_with_mail(tmp_path_factory.mktemp("mail")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(mailing: MailingSandbox) -> MailingSandbox:  # instead of the one that takes no mail
    Remote(mailing.base).clear()
    return mailing


def _mail(url: str, *to: str, sender: str = "") -> AlertMail:
    return AlertMail(Smtp(url, sender, trusted=trusting(), seconds=2), to or (ANA,))


def test_an_alert_is_a_letter_with_its_title_and_what_to_do(sandbox: MailingSandbox) -> None:
    assert _mail(sandbox.smtp, ANA, LUIS).tell(ALERT)
    [letter] = Remote(sandbox.base).sent("mail")
    assert letter["title"] == f"[HIGH] {ALERT.title}"
    assert letter["body"] == f"{ALERT.title}\n\n{ALERT.what_to_do}\n\nGravedad: alta."
    assert letter["details"] == {"sender": "cep@localhost", "recipients": [ANA, LUIS], "attachments": []}


@pytest.mark.parametrize(
    ("severity", "over", "subject"),
    [
        (Severity.HIGH, False, "[HIGH] Título"),
        (Severity.CRITICAL, False, "[CRITICAL] Título"),
        (Severity.CRITICAL, True, "[RESUELTO] Título"),
    ],
)
def test_the_subject_shows_what_is_critical_and_what_is_over(
    sandbox: MailingSandbox, severity: Severity, over: bool, subject: str
) -> None:
    assert _mail(sandbox.smtp).tell(Alert("x", severity, "Título", "Duró 12 min.", over))
    [letter] = Remote(sandbox.base).sent("mail")
    assert letter["title"] == subject
    assert ("Gravedad" in letter["body"]) is not over


def test_a_title_can_neither_add_a_header_nor_end_the_head() -> None:
    title = "Aviso\r\nBcc: eva@evil.example\r\n\r\nTexto\x00\x1b[2J\u2028X-Y: z"
    with mail_server() as server:
        assert _mail(f"smtp://127.0.0.1:{server.port}").tell(Alert("x", Severity.HIGH, title, "Nada."))
    [letter] = server.letters
    assert str(letter["Subject"]) == "[HIGH] Aviso Bcc: eva@evil.example Texto[2J X-Y: z"
    assert letter.keys() == [
        *("Subject", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
        *("From", "To", "Date", "Message-ID"),
    ]
    assert server.envelopes == [("cep@localhost", [ANA])]


def test_a_long_line_and_a_lone_dot_arrive_as_they_are() -> None:
    what_to_do = f".\n{'ñ' * 3000}\n.."
    with mail_server() as server:
        assert _mail(f"smtp://127.0.0.1:{server.port}").tell(Alert("x", Severity.HIGH, "T", what_to_do))
    assert what_to_do in server.letters[0].get_content().replace("\r\n", "\n")
    assert max(len(line) for line in server.letters[0].as_bytes().splitlines()) < 100


@pytest.mark.parametrize(
    ("url", "sender", "expected"),
    [
        ("smtp://avisos%40cep.es@mail.cep.es", "", "avisos@cep.es"),
        ("smtp://apikey:x@mail.cep.es", "", "cep@mail.cep.es"),
        ("smtp://127.0.0.1:25", "", "cep@localhost"),
        ("smtp://[::1]", "", "cep@localhost"),
        ("smtp://avisos%40cep.es:x@mail.cep.es", "sistema@cep.es", "sistema@cep.es"),
    ],
)
def test_the_sender_is_the_one_that_is_set_or_the_user_or_the_servers_own(url: str, sender: str, expected: str) -> None:
    assert Smtp(url, sender).sender == expected


def test_a_letter_comes_from_the_sender() -> None:
    with mail_server() as server:
        assert _mail(f"smtp://localhost:{server.port}", sender="sistema@cep.example").tell(ALERT)
    assert server.letters[0]["From"] == "sistema@cep.example"
    assert server.envelopes == [("sistema@cep.example", [ANA])]


@pytest.mark.parametrize("password", ["p@ss/w:rd", "contraseña"])
def test_a_password_travels_encrypted_and_decoded(password: str) -> None:
    with mail_server(certificate=True, auth_required=True, password=password) as server:
        assert _mail(f"smtp://{USER}:{quote(password, safe='')}@localhost:{server.port}").tell(ALERT)
    assert (server.encrypted, server.logins) == ([True], [True])


def test_smtps_is_encrypted_from_the_first_byte() -> None:
    with mail_server(encrypted=True) as server:
        assert _mail(f"smtps://{LOGIN}@localhost:{server.port}").tell(ALERT)
    assert (server.encrypted, server.logins) == ([True], [True])


def test_a_password_never_travels_without_encryption() -> None:
    with mail_server(auth_require_tls=False) as server:
        assert not _mail(f"smtp://{LOGIN}@localhost:{server.port}").tell(ALERT)
    assert server.letters == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_password_is_not_given_to_who_shows_a_strange_certificate(scheme: str) -> None:
    with mail_server(certificate=scheme == "smtp", encrypted=scheme == "smtps") as server:
        url = f"{scheme}://{LOGIN}@localhost:{server.port}"
        assert not AlertMail(Smtp(url, seconds=2), [ANA]).tell(ALERT)
        assert not _mail(url.replace("localhost", "127.0.0.1")).tell(ALERT)
    assert server.letters == []


def test_without_a_password_any_encryption_is_better_than_none() -> None:
    with mail_server(certificate=True) as server:
        assert AlertMail(Smtp(f"smtp://127.0.0.1:{server.port}", seconds=2), [ANA]).tell(ALERT)
    assert server.encrypted == [True]


def test_a_letter_is_taken_when_one_recipient_is(caplog: pytest.LogCaptureFixture) -> None:
    with mail_server() as server:
        server.refused = (LUIS,)
        assert _mail(f"smtp://localhost:{server.port}", ANA, LUIS).tell(ALERT)
        assert not _mail(f"smtp://localhost:{server.port}", LUIS).tell(ALERT)
    assert [to for _, to in server.envelopes] == [[ANA]]
    assert "refused 1 of 2 recipients" in caplog.text
    assert "SMTPRecipientsRefused 550" in caplog.text


@pytest.mark.parametrize("answer", ["421 4.3.2 closing", "452 4.2.2 full", "554 5.7.1 spam"])
def test_a_letter_that_the_server_refuses_is_not_taken(answer: str) -> None:
    with mail_server() as server:
        server.answer = answer
        assert not _mail(f"smtp://localhost:{server.port}").tell(ALERT)


def test_a_refused_login_is_not_taken_and_no_secret_or_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="cep_orchestration")
    with mail_server(certificate=True, auth_required=True) as server:
        assert not _mail(f"smtp://ana%40cep.example:hunter2@localhost:{server.port}").tell(ALERT)
    with mail_server() as server:
        server.refused = (ANA, LUIS)
        assert not _mail(f"smtp://localhost:{server.port}", ANA, LUIS).tell(ALERT)
    logged = "".join(record.getMessage() for record in caplog.records if record.name.startswith("cep_orchestration"))
    assert "SMTPAuthenticationError 535" in logged
    assert [word for word in ("hunter2", "@", "ana", "luis") if word in logged] == []


def test_an_address_that_the_server_cannot_carry_is_not_taken() -> None:
    with mail_server() as server:
        assert not _mail(f"smtp://localhost:{server.port}", "josé@cep.example").tell(ALERT)


def test_a_letter_is_not_taken_without_a_connection() -> None:
    assert not _mail(f"smtp://127.0.0.1:{free_port()}").tell(ALERT)
    assert not _mail("smtp://no-such-host.invalid").tell(ALERT)
    assert not _mail("smtp://no..host").tell(ALERT)


@pytest.mark.parametrize("reply", [b"", b"554 no\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xfe\r\n"])
def test_who_does_not_speak_smtp_takes_nothing(reply: bytes) -> None:
    with rude_server(reply, reads=False) as server:
        assert not _mail(server.address.replace("http", "smtp")).tell(ALERT)
    with greeter(reply) as port:
        assert not _mail(f"smtp://127.0.0.1:{port}").tell(ALERT)


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = Smtp(f"smtp://127.0.0.1:{silent.getsockname()[1]}", seconds=0.2)
        began = time.monotonic()
        assert not AlertMail(server, [ANA]).tell(ALERT)
    assert time.monotonic() - began < 5


def test_a_letter_to_others_is_sent_with_what_is_attached(sandbox: MailingSandbox) -> None:
    letter = EmailMessage()
    letter["Subject"] = "Informe"
    letter.set_content("Adjunto.")
    letter.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="informe.pdf")
    assert Smtp(sandbox.smtp).send(letter, [ANA])
    [sent] = Remote(sandbox.base).sent("mail")
    assert sent["details"]["attachments"] == [{"name": "informe.pdf", "type": "application/pdf", "size_bytes": 8}]


@pytest.mark.parametrize(
    ("answers", "taken"),
    [
        ((b"250 ok", b"250 ok", b"250 ok", b"354 go on"), None),
        ((b"250 ok", b"550 no"), 0),
        ((b"250 ok", b"250 ok", b"550 nobody"), 0),
        ((b"250 ok", b"250 ok", b"250 ok", b"354 go on", b"552 too much"), 0),
        ((b"250 ok", b"250 ok", b"250 ok", b"354 go on", b"250 taken"), 1),
    ],
    ids=["cut off after the letter", "sender refused", "recipient refused", "letter refused", "taken"],
)
def test_of_a_letter_that_was_cut_off_nobody_says_that_it_was_refused(
    answers: tuple[bytes, ...], taken: int | None
) -> None:
    letter = EmailMessage()
    letter.set_content("Hola.")
    with talker(answers) as port:
        assert Smtp(f"smtp://127.0.0.1:{port}", seconds=2).send(letter, [ANA]) == taken
