"""Sixty nights with a moved clock: after each, the bucket holds what a plain book, kept in minutes, says."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from cep_orchestration.backups import keys
from cep_orchestration.backups.catalog import newest_proven, of_kind, read_catalog
from cep_orchestration.backups.model import Kind, Manifest, MediaManifest
from cep_orchestration.backups.rotation import rotate
from cep_orchestration.backups.shrinkage import shrank
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.nights import (
    CONTENT,
    PLAIN,
    Clock,
    at_night,
    database_manifest,
    media_manifest,
    named_by,
    proof_of,
    put_backup,
    put_content,
    sha,
)

DAYS = 60
UNPROVEN = {Kind.DATABASE: (12, 13, 41), Kind.MEDIA: (20, 41)}
INTERRUPTED, TWICE, WRONG_CLOCK, SHRUNK, ACCEPTED = 17, 25, 30, 33, 35
SEEN_ON_WRONG_CLOCK = 50
"""The date that the night of the wrong clock has: seven minutes after the real one's of that day."""
ROWS, FEWER_ROWS = {"public.leads": 5_000}, {"public.leads": 3_000}
DAY, TOOK, HALF_A_DAY = 1440, 20, 720


@dataclass
class Book:
    """What must be there of one kind, by the minute after the first night at which it is dated: whether it is proven;
    None: it was interrupted."""

    held: dict[int, bool | None] = field(default_factory=dict)

    def rotate(self, now: int, retention_days: int) -> None:
        three = sorted(minute for minute, proven in self.held.items() if proven and minute <= now)[-3:]
        for minute, proven in list(self.held.items()):
            days = 1 if proven is None else retention_days
            if minute < now - days * DAY and minute not in three:
                del self.held[minute]


@dataclass
class World:
    retention_days: int
    clock: Clock = field(default_factory=lambda: Clock(at_night(0)))
    books: dict[Kind, Book] = field(default_factory=lambda: {kind: Book() for kind in Kind})
    still: set[int] = field(default_factory=set)
    """The days on which nothing was to go."""

    def __post_init__(self) -> None:
        self.store = FakeStore(self.clock)
        self.store.put("reports/2026-10-01.pdf", b"a report", "application/pdf")

    def night(self, day: int, minute: int) -> None:
        """`minute`: the true time."""
        dated = SEEN_ON_WRONG_CLOCK * DAY + 7 if day == WRONG_CLOCK else minute
        self.clock.now = _at(minute)
        if day == INTERRUPTED:
            self._interrupt(dated)
            return
        for kind in Kind:
            self._back_up(kind, day, dated)
        self.clock.now = _at(minute + TOOK)
        rotated = rotate(self.store, self.clock.now, self.retention_days, dict.fromkeys(Kind, _at(dated)))
        if rotated.refusals:
            self.still.add(day)
        if all(book.held[dated] for book in self.books.values()):
            for book in self.books.values():
                book.rotate(minute + TOOK, self.retention_days)

    def _back_up(self, kind: Kind, day: int, dated: int) -> None:
        manifest = _manifest(kind, day, _at(dated))
        before = newest_proven(self.store, kind, _at(dated))
        less = shrank(manifest, before.manifest if before else None)
        proof = proof_of(_at(dated), less, accepted=day == ACCEPTED)
        put_backup(self.store, manifest, None if day in UNPROVEN[kind] else proof)
        shrunk = kind is Kind.DATABASE and SHRUNK <= day < ACCEPTED
        self.books[kind].held[dated] = not shrunk and day not in {*UNPROVEN[kind], WRONG_CLOCK}

    def _interrupt(self, dated: int) -> None:
        put_content(self.store, Kind.DATABASE, _at(dated))
        self.store.put(keys.object_key(PLAIN, "f" * 64), CONTENT, "application/zstd")
        self.books[Kind.DATABASE].held[dated] = None

    def require_right(self) -> dict[Kind, list[int]]:
        """By kind the proven ones that are there."""
        entries, proven = read_catalog(self.store), {}
        for kind, book in self.books.items():
            found = of_kind(entries, kind)
            assert [_minute(entry.taken_at) for entry in found] == sorted(book.held)
            proven[kind] = [_minute(entry.taken_at) for entry in found if entry.proven]
            assert proven[kind] == sorted(minute for minute, holds in book.held.items() if holds)
        media = [one.manifest for one in entries if isinstance(one.manifest, MediaManifest)]
        assert {stored.key for stored in self.store.list(keys.OBJECTS)} >= named_by(media)
        return proven


def _at(minute: int) -> datetime:
    return at_night(0) + timedelta(minutes=minute)


def _minute(at: datetime) -> int:
    return int((at - at_night(0)).total_seconds()) // 60


def _manifest(kind: Kind, day: int, taken_at: datetime) -> Manifest:
    """Every photo stays for a week among the media."""
    if kind is Kind.DATABASE:
        return database_manifest(taken_at, FEWER_ROWS if day >= SHRUNK else ROWS)
    return media_manifest(taken_at, ["logo", *(f"photo {number}" for number in range(day - 6, day + 1))])


@pytest.mark.parametrize("retention_days", [30, 2])
def test_each_night_leaves_what_the_book_says(retention_days: int) -> None:
    world = World(retention_days)
    there: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    for day in range(DAYS):
        for minute in (day * DAY, *([day * DAY + HALF_A_DAY] if day == TWICE else [])):
            world.night(day, minute)
            before, there = there, world.require_right()
            for kind in Kind:
                assert len(there[kind]) >= min(3, len(before[kind]))
                assert there[kind][-1] >= max(before[kind], default=0)
    _require_ending(world, there)


def _require_ending(world: World, there: dict[Kind, list[int]]) -> None:
    """Golden: what a person who reads the story above expects at its end."""
    days = {kind: [minute // DAY for minute in minutes] for kind, minutes in there.items()}
    if world.retention_days == 30:
        of_media = sorted({*range(30, 60)} - {WRONG_CLOCK, 41})
        assert days == {Kind.DATABASE: [day for day in of_media if day not in (33, 34)], Kind.MEDIA: of_media}
    else:
        assert days == {Kind.DATABASE: [57, 58, 59], Kind.MEDIA: [57, 58, 59]}
    assert world.still == {12, 13, 20, WRONG_CLOCK, 33, 34, 41}
    oldest_photo = WRONG_CLOCK - 6 if world.retention_days == 30 else 57 - 6
    names = ["logo", *(f"photo {number}" for number in range(oldest_photo, DAYS))]
    contents = {stored.key for stored in world.store.list(keys.OBJECTS)}
    assert contents == {keys.object_key(PLAIN, sha(name)) for name in names}
    assert world.store.objects["reports/2026-10-01.pdf"] == b"a report"
