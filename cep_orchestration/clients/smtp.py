"""Mail to our own people through an SMTP server: its encryption and log-in, alerts and reports as letters."""

import base64
import logging
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import closing, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, make_msgid
from urllib.parse import unquote, urlsplit

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.clients.alert_lines import lines

log = logging.getLogger(__name__)

ANSWER_SECONDS = 10.0
"""For each step of the conversation."""
LOGGED_IN = 235
REFUSALS = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError, UnicodeError)
"""The server said no, or nothing could be said to it."""
SEVERITIES = {Severity.LOW: "baja", Severity.MEDIUM: "media", Severity.HIGH: "alta", Severity.CRITICAL: "crítica"}


class NoEncryptionError(smtplib.SMTPException):
    """The server offers no encryption, and a password must not travel without."""


class Smtp:
    """A mail server by its address: smtp:// (encrypted where the server offers it) or smtps:// (from the first byte).

    Its user and password are percent-encoded there. `sender`: not given, the user if that is an address.
    """

    def __init__(
        self, url: str, sender: str = "", *, trusted: ssl.SSLContext | None = None, seconds: float = ANSWER_SECONDS
    ) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._encrypted = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._encrypted else 587 if self._password else 25)
        self.sender = sender or (self._user if "@" in self._user else f"cep@{_domain(self._host)}")
        self._trusted = trusted
        self._seconds = seconds

    def send(self, letter: EmailMessage, to: Sequence[str]) -> int | None:
        """For how many recipients the server took it; None: the connection was lost meanwhile, and nobody knows. Sets
        sender, recipients, date and id."""
        letter["From"], letter["To"] = self.sender, ", ".join(to)
        letter["Date"], letter["Message-ID"] = format_datetime(localtime()), make_msgid(domain=self._sender_domain)
        is_out = False
        try:
            with closing(self._connected()) as server:
                is_out = True
                refused = server.send_message(letter, self.sender, list(to))
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            log.error("the mail server did not take a letter: %s", _reason(error))
            return None if is_out and not isinstance(error, REFUSALS) else 0
        if refused:
            log.warning("the mail server refused %d of %d recipients of a letter", len(refused), len(to))
        return len(to) - len(refused)

    @property
    def _sender_domain(self) -> str:
        return self.sender.rpartition("@")[2]

    def _connected(self) -> smtplib.SMTP:
        if self._encrypted:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, self._sender_domain, timeout=self._seconds, context=self._verifying()
            )
        else:
            server = smtplib.SMTP(self._host, self._port, self._sender_domain, timeout=self._seconds)
        try:
            self._prepare(server)
        except BaseException:
            server.close()
            raise
        return server

    def _verifying(self) -> ssl.SSLContext:
        return self._trusted or ssl.create_default_context()

    def _prepare(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if not self._encrypted and server.has_extn("starttls"):
            server.starttls(context=self._verifying() if self._password else _any_certificate())
        elif not self._encrypted and self._password:
            raise NoEncryptionError
        if self._password:
            self._log_in(server)

    def _log_in(self, server: smtplib.SMTP) -> None:
        if f"{self._user}{self._password}".isascii():
            server.login(self._user, self._password)
            return
        server.ehlo_or_helo_if_needed()
        secret = base64.b64encode(f"\0{self._user}\0{self._password}".encode()).decode()
        code, said = server.docmd("AUTH", f"PLAIN {secret}")  # smtplib's own log-in knows ASCII only
        if code != LOGGED_IN:
            raise smtplib.SMTPAuthenticationError(code, said)


class AlertMail:
    """Alerts as letters to some of our people."""

    def __init__(self, server: Smtp, recipients: Sequence[str]) -> None:
        self._server = server
        self._recipients = recipients

    def tell(self, alert: Alert) -> bool:
        """Whether the mail server took it."""
        letter = EmailMessage(policy=SMTP)
        letter["Subject"] = _one_line(f"{_mark(alert)}{alert.title}")
        letter["Auto-Submitted"] = "auto-generated"  # nobody's absence note answers it
        severity = [] if alert.over else [f"Gravedad: {SEVERITIES[alert.severity]}."]
        body = "\n\n".join([alert.title, *lines(alert), *severity])
        letter.set_content(f"{body}\n", cte="quoted-printable")
        return bool(self._server.send(letter, self._recipients))


class ReportMail:
    """Reports as letters: the numbers as text, the PDF attached."""

    def __init__(self, server: Smtp, recipients: Sequence[str]) -> None:
        self._server = server
        self.recipients = recipients

    def send(self, subject: str, body: str, filename: str, pdf: bytes) -> int | None:
        """As Smtp.send."""
        letter = EmailMessage(policy=SMTP)
        letter["Subject"] = _one_line(subject)
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(body, cte="quoted-printable")
        letter.add_attachment(pdf, maintype="application", subtype="pdf", filename=filename)
        return self._server.send(letter, self.recipients)


def _mark(alert: Alert) -> str:
    if alert.over:
        return "[RESUELTO] "
    return f"[{alert.severity.upper()}] "


def _one_line(text: str) -> str:
    """A line's end would begin a header of its own."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def _domain(host: str) -> str:
    """The host itself, but for an IP address, which is no domain."""
    return "localhost" if ":" in host or host.rpartition(".")[2].isdecimal() else host


def _any_certificate() -> ssl.SSLContext:
    """Encryption that keeps out who only listens. Without a password there is no more to gain: who can show a false
    certificate can as well hide that the server offers encryption, and servers within a house seldom have a known one.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _reason(error: Exception) -> str:
    """Without the server's words, which repeat addresses."""
    codes: list[int] = []
    if isinstance(error, smtplib.SMTPResponseException):
        codes = [error.smtp_code]
    elif isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
    return " ".join([type(error).__name__, *map(str, codes)])
