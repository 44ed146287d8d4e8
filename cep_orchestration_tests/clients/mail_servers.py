"""Mail servers for tests: the sandbox as a process of its own, and one whose demands and refusals a test chooses."""

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from queue import Queue
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

CERTIFICATE = Path(__file__).with_name("localhost.pem")
USER, PASSWORD = "apikey", "p@ss/word"


@dataclass(frozen=True)
class MailingSandbox:
    base: str
    smtp: str


@contextmanager
def sandbox_with_mail(folder: Path) -> Iterator[MailingSandbox]:
    command = [sys.executable, "-m", "cep_orchestration.local.sandbox", "--port", "0", "--smtp-port", "0"]
    with subprocess.Popen(
        [*command, "--store", str(folder / "sandbox.db")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        base, smtp = (process.stdout.readline().split()[-1].rstrip("/") for _ in range(2))
        try:
            yield MailingSandbox(base, smtp)
        finally:
            process.terminate()
            assert process.wait(5) == 0


@dataclass
class MailServer:
    """`refused` recipients and `answer` to a letter are the test's; `logins` and `encrypted` say how letters came."""

    port: int
    refused: tuple[str, ...] = ()
    answer: str = "250 OK"
    letters: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return f"550 5.1.1 <{address}> unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - same
        content = envelope.content
        assert isinstance(content, bytes)
        self.letters.append(message_from_bytes(content, policy=policy.default))
        self.envelopes.append((envelope.mail_from or "", envelope.rcpt_tos))
        self.encrypted.append(_is_encrypted(server, session))
        self.logins.append(session.authenticated is True)
        return self.answer

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802 - same
        return "421 4.3.0 gone already"


def _is_encrypted(server: SMTP, session: Session) -> bool:
    assert server.transport
    return session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None


@contextmanager
def mail_server(
    *, certificate: bool = False, encrypted: bool = False, password: str = PASSWORD, **demands: Any
) -> Iterator[MailServer]:
    """Listens on localhost. `certificate`: it offers STARTTLS; `encrypted`: it speaks TLS from the first byte."""
    context = None
    if certificate or encrypted:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATE)

    def authenticator(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
        known = LoginPassword(USER.encode(), password.encode())
        return AuthResult(success=given == known, handled=False)

    options = {"authenticator": authenticator, "auth_require_tls": not encrypted, "enable_SMTPUTF8": False, **demands}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = MailServer(listener.getsockname()[1])

        def session() -> SMTP:
            return SMTP(server, tls_context=context if certificate else None, hostname="mail.example", **options)

        with _in_a_loop(lambda loop: loop.create_server(session, sock=listener, ssl=context if encrypted else None)):
            yield server


@contextmanager
def _in_a_loop(serve: Callable[[asyncio.AbstractEventLoop], Awaitable[asyncio.Server]]) -> Iterator[None]:
    """Serves in a thread until the block ends."""
    stop, loops = asyncio.Event(), Queue[asyncio.AbstractEventLoop]()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with await serve(loop):
            loops.put(loop)
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    loop = loops.get()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def trusting() -> ssl.SSLContext:
    """What a client needs that trusts the certificate."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


@contextmanager
def talker(answers: tuple[bytes, ...]) -> Iterator[int]:
    """Greets one client, answers so many commands (a letter is one too), and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            connection, _ = listener.accept()
            in_letter = False
            with connection, connection.makefile("rb") as said:
                connection.sendall(b"220 hello\r\n")
                for answer in answers:
                    heard = said.readline()
                    while in_letter and heard not in (b".\r\n", b""):
                        heard = said.readline()
                    connection.sendall(answer + b"\r\n")
                    in_letter = answer.startswith(b"354")
                while in_letter and said.readline() not in (b".\r\n", b""):
                    pass

        thread = threading.Thread(target=talk)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


@contextmanager
def greeter(greeting: bytes) -> Iterator[int]:
    """Says the same to everybody who connects, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(greeting)

        thread = threading.Thread(target=greet)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)
