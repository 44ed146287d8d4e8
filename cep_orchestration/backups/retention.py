"""Which backups of one kind have had their time, and why each other one stays. Pure: the bucket is not touched here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cep_orchestration.backups.model import Entry

LEAST_PROVEN = 3
"""So many proven backups stay whatever their age: the first restore may show that the newest holds a mistake too."""
INTERRUPTED_AFTER = timedelta(days=1)
"""A backup in progress looks like an interrupted one, and takes less than this."""


class Reason(StrEnum):
    """Why a backup stays. The words for it are in catalog_words."""

    TONIGHT_UNPROVEN = "tonight_unproven"
    FUTURE = "future"
    DAMAGED = "damaged"
    PERHAPS_RUNNING = "perhaps_running"
    NEWEST_PROVEN = "newest_proven"
    LAST_PROVEN = "last_proven"
    YOUNG = "young"


@dataclass(frozen=True)
class Stay:
    entry: Entry
    reason: Reason


@dataclass(frozen=True)
class Expiry:
    """Each backup is in one of the two, in the order in which it was given. `refused`: nothing goes, since tonight's
    is not proven."""

    goes: tuple[Entry, ...]
    stays: tuple[Stay, ...]
    refused: bool = False


def expired(entries: Sequence[Entry], now: datetime, retention_days: int, tonight: datetime) -> Expiry:
    """`entries`: all of one kind, in any order. `tonight`: when the backup was taken that has to be proven before
    anything goes. A backup is kept until it is older than `retention_days` times 24 hours.

    One that is dated after `now` is kept, and counts for nothing: what it says about time is wrong.
    """
    proven = sorted((one.taken_at for one in entries if one.proven and one.taken_at <= now), reverse=True)
    if tonight not in proven:
        return Expiry((), tuple(Stay(one, Reason.TONIGHT_UNPROVEN) for one in entries), refused=True)
    needed, horizon = proven[:LEAST_PROVEN], now - timedelta(days=retention_days)
    judged = [(one, _reason(one, now, horizon, needed)) for one in entries]
    return Expiry(
        tuple(one for one, reason in judged if reason is None),
        tuple(Stay(one, reason) for one, reason in judged if reason is not None),
    )


def _reason(entry: Entry, now: datetime, horizon: datetime, needed: Sequence[datetime]) -> Reason | None:
    """None: it goes."""
    if entry.taken_at > now:
        return Reason.FUTURE
    if entry.unreadable:
        return Reason.DAMAGED
    if entry.manifest is None:
        return Reason.PERHAPS_RUNNING if now - entry.taken_at <= INTERRUPTED_AFTER else None
    if entry.taken_at in needed:
        return Reason.NEWEST_PROVEN if entry.taken_at == needed[0] else Reason.LAST_PROVEN
    return Reason.YOUNG if entry.taken_at >= horizon else None
