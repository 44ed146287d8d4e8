"""A mail server that delivers nothing: it keeps each letter, with the names and sizes of what was attached."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette

from cep_orchestration.local.sandbox.store import Item, Kind, Store

LARGEST_BYTES = 50 * 1024 * 1024
OUR_NAME = "sandbox.cep.example"


def add_mailbox(app: Starlette, store: Path, listener: socket.socket) -> None:
    """Lets the sandbox serve SMTP on a socket too, for as long as it runs and in the same thread."""
    without = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Any]:
        async with without(app) as state, _serving(store, listener):
            yield state

    app.router.lifespan_context = lifespan


@asynccontextmanager
async def _serving(path: Path, listener: socket.socket) -> AsyncIterator[None]:
    store, loop = Store(path), asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(Mailbox(store), data_size_limit=LARGEST_BYTES, enable_SMTPUTF8=True, hostname=OUR_NAME, loop=loop)

    server = await loop.create_server(session, sock=listener)
    try:
        yield
    finally:
        server.close()
        store.close()


class Mailbox:
    """What aiosmtpd asks about a letter."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        self._store.keep([read_letter(envelope.content or b"", envelope.mail_from or "", envelope.rcpt_tos)])
        return "250 OK"


def read_letter(content: bytes | str, sender: str, recipients: list[str]) -> Item:
    """`sender` and `recipients` are those of the envelope; a blind copy is among them too."""
    raw = content if isinstance(content, bytes) else content.encode()
    letter = message_from_bytes(raw, policy=policy.default)
    attached = [part for part in _leaves(letter) if _is_attached(part)]
    texts = [part for part in _leaves(letter) if part.get_content_maintype() == "text" and not _is_attached(part)]
    details = {
        "sender": sender,
        "recipients": recipients,
        "attachments": [
            {"name": part.get_filename() or "", "type": part.get_content_type(), "size_bytes": len(_bytes(part))}
            for part in attached
        ],
    }
    subject = str(letter["Subject"] or "") or "(sin asunto)"
    return Item(Kind.MAIL, ", ".join(recipients), subject, _text(texts[0]) if texts else "", details)


def _leaves(letter: EmailMessage) -> Iterator[EmailMessage]:
    """The parts that are no mere envelopes of others; a letter that is attached counts as one."""
    if not letter.is_multipart() or letter.get_content_type() == "message/rfc822":
        yield letter
        return
    for part in letter.get_payload():
        if isinstance(part, EmailMessage):
            yield from _leaves(part)


def _is_attached(part: EmailMessage) -> bool:
    return part.get_content_disposition() == "attachment" or part.get_filename() is not None


def _bytes(part: EmailMessage) -> bytes:
    decoded = part.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else part.as_bytes()


def _text(part: EmailMessage) -> str:
    try:
        text = _bytes(part).decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:  # a charset that nobody knows
        text = _bytes(part).decode(errors="replace")
    return text.replace("\r\n", "\n").strip()
