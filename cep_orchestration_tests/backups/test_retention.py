"""Which backups go: golden tables, and what holds whatever lies in the bucket."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep_orchestration.backups.model import Entry, Kind
from cep_orchestration.backups.retention import LEAST_PROVEN, Reason, expired
from cep_orchestration_tests.backups.nights import at_night, database_manifest, proof_of

TODAY = 60
NOW = at_night(TODAY) + timedelta(minutes=20)
STATES = {
    "proven": (True, True, ""),
    "unproven": (True, False, ""),
    "interrupted": (False, False, ""),
    "unreadable": (False, False, "no es JSON"),
    "proof unreadable": (True, False, "no es JSON"),
    "content lost": (True, True, "falta su contenido"),
}


def _entry(day: int, state: str) -> Entry:
    taken_at = at_night(day)
    manifest, proof, damage = STATES[state]
    return Entry(
        Kind.DATABASE,
        taken_at,
        ("a key",),
        10,
        database_manifest(taken_at) if manifest else None,
        proof_of(taken_at) if proof else None,
        damage,
    )


def _shrunk(day: int, *, accepted: bool) -> Entry:
    taken_at = at_night(day)
    proof = proof_of(taken_at, ("menos filas",), accepted=accepted)
    return Entry(Kind.DATABASE, taken_at, ("a key",), 10, database_manifest(taken_at), proof)


Y, N, L, F, D, P = (
    *(Reason.YOUNG, Reason.NEWEST_PROVEN, Reason.LAST_PROVEN, Reason.FUTURE, Reason.DAMAGED, Reason.PERHAPS_RUNNING),
)
# Each: the backups by the day on which they were taken, today being the 60th, with why they stay; None: they go.
GOLDEN: dict[str, list[tuple[int, str, Reason | None]]] = {
    "so old is still kept, and older is not": [
        *[(29, "proven", None), (30, "proven", None), (31, "proven", Y), (58, "proven", L), (59, "proven", L)],
        (60, "proven", N),
    ],
    "never below three proven ones": [(1, "proven", None), (2, "proven", L), (3, "proven", L), (60, "proven", N)],
    "two proven ones both stay": [(1, "proven", L), (60, "proven", N)],
    "one that is not proven counts for nothing": [
        *[(1, "proven", L), (2, "proven", L), (40, "unproven", Y), (41, "unproven", Y), (60, "proven", N)],
    ],
    "an old one that was never proven goes": [(1, "unproven", None), (59, "unproven", Y), (60, "proven", N)],
    "an interrupted one goes after a day": [
        *[(1, "interrupted", None), (58, "interrupted", None), (60, "proven", N)],
        (59, "interrupted", None),
    ],
    "one in progress looks interrupted, and stays": [(60, "proven", N), (60, "interrupted", P)],
    "one that cannot be read never goes": [(1, "unreadable", D), (60, "proven", N)],
    "one whose manifest can be read goes though the rest is damaged": [
        *[(1, "proof unreadable", None), (2, "content lost", None), (59, "content lost", Y), (60, "proven", N)],
    ],
    "one whose content was lost is none of the three": [
        *[(1, "proven", L), (2, "proven", L), (3, "content lost", None), (60, "proven", N)],
    ],
    "one of the future stays and is none of the three": [
        *[(1, "proven", None), (2, "proven", L), (3, "proven", L), (60, "proven", N), (61, "proven", F)],
        *[(62, "interrupted", F), (63, "unreadable", F), (900, "unproven", F)],
    ],
}


@pytest.mark.parametrize("case", GOLDEN)
def test_each_backup_goes_or_has_its_reason_to_stay(case: str) -> None:
    entries = [_entry(day, state) for day, state, _ in GOLDEN[case]]

    verdict = expired(entries, NOW, 30, at_night(TODAY))

    stays = {id(stay.entry): stay.reason for stay in verdict.stays}
    assert [stays.get(id(entry)) for entry in entries] == [reason for _, _, reason in GOLDEN[case]]
    assert [*verdict.goes] == [entry for entry in entries if id(entry) not in stays]
    assert not verdict.refused


@pytest.mark.parametrize("state", [state for state in STATES if state != "proven"])
def test_nothing_goes_while_tonights_is_not_proven(state: str) -> None:
    old = [_entry(day, "proven") for day in range(10)]

    verdict = expired([*old, _entry(TODAY, state)], NOW, 30, at_night(TODAY))

    assert (verdict.goes, verdict.refused) == ((), True)
    assert {stay.reason for stay in verdict.stays} == {Reason.TONIGHT_UNPROVEN}


def test_nothing_goes_while_tonights_is_missing_in_the_future_or_shrunk_and_all_goes_on_once_that_is_accepted() -> None:
    old = [_entry(day, "proven") for day in range(10)]

    assert expired(old, NOW, 30, at_night(TODAY)).refused
    assert expired([], NOW, 30, at_night(TODAY)).refused
    assert expired([*old, _entry(TODAY + 1, "proven")], NOW, 30, at_night(TODAY + 1)).refused
    assert expired([*old, _shrunk(TODAY, accepted=False)], NOW, 30, at_night(TODAY)).refused
    assert len(expired([*old, _shrunk(TODAY, accepted=True)], NOW, 30, at_night(TODAY)).goes) == 8


def test_a_backup_is_kept_for_its_days_to_the_second() -> None:
    entries = [_entry(day, "proven") for day in (29, 30, 58, 59, 60)]
    on_the_second = at_night(60)

    assert [entry.taken_at for entry in expired(entries, on_the_second, 30, at_night(60)).goes] == [at_night(29)]
    later = expired(entries, on_the_second + timedelta(seconds=1), 30, at_night(60))
    assert [entry.taken_at for entry in later.goes] == [at_night(29), at_night(30)]


@given(
    st.lists(st.tuples(st.integers(0, 70), st.sampled_from(sorted(STATES))), unique_by=lambda pair: pair[0]),
    st.integers(0, 70),
    st.integers(1, 60),
)
def test_whatever_there_is_the_newest_proven_and_three_of_them_stay(
    nights: list[tuple[int, str]], tonight: int, retention_days: int
) -> None:
    entries = [_entry(day, state) for day, state in nights]

    verdict = expired(entries, NOW, retention_days, at_night(tonight))

    proven = sorted(entry.taken_at for entry in entries if entry.proven and entry.taken_at <= NOW)
    kept = {stay.entry.taken_at for stay in verdict.stays}
    assert kept | {entry.taken_at for entry in verdict.goes} == {entry.taken_at for entry in entries}
    assert kept.issuperset(proven[-LEAST_PROVEN:])
    assert not any(entry.unreadable or entry.taken_at > NOW for entry in verdict.goes)
    assert not verdict.goes or at_night(tonight) in proven
