"""What the standard fields of a CRM are told of a lead, whatever people typed."""

import time
from datetime import date

import pytest

from cep_orchestration.clients.people import Person, person
from cep_orchestration.ports import Lead


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Ana Pérez Gil", "Ana", "Pérez Gil"),
        ("  Ana \n Pérez\tGil ", "Ana", "Pérez Gil"),
        ("Ana", None, "Ana"),
        ("", None, "[sin nombre]"),
        (" \n", None, "[sin nombre]"),
        ("A" * 41 + " Gil", "A" * 39 + "…", "Gil"),
        ("Ana " + "P" * 81, "Ana", "P" * 79 + "…"),
    ],
)
def test_there_is_always_a_last_name_and_both_fit(name: str, first: str | None, last: str) -> None:
    known = person(Lead("7", name))
    assert (known.first_name, known.last_name) == (first, last)


def test_a_name_that_was_cut_stands_whole_in_the_description() -> None:
    assert person(Lead("7", "Ana " + "P" * 81)).description == f"Nombre: Ana {'P' * 81}\nLead: 7"


@pytest.mark.parametrize(
    ("typed", "phone"),
    [
        ("+34 600 111 222", "+34 600 111 222"),
        ("600111222", "600111222"),
        ("600-111.222", "600-111.222"),
        ("(+34) 600 111 222", "+34 600 111 222"),
        ("600 111 222 por la tarde", None),
        ("600111222 / 611222333", None),
        ("6" * 31, None),
        ("٦٠٠", None),
        ("", None),
    ],
)
def test_a_phone_is_a_phone_or_else_stands_in_the_description(typed: str, phone: str | None) -> None:
    known = person(Lead("7", "Ana", phone=typed))
    assert known.phone == phone
    assert known.description == ("Lead: 7" if phone or not typed else f"Teléfono: {typed}\nLead: 7")


def test_nothing_that_somebody_types_takes_long() -> None:
    started = time.monotonic()
    for text in ("1" * 100_000 + "x", "1 " * 100_000 + "x", "a " * 100_000):
        person(Lead("7", text, phone=text))
        person(Lead("7", text, phone=text[:29] + "x"))
    assert time.monotonic() - started < 5


def test_what_is_too_long_is_cut_in_the_description_too() -> None:
    assert len(person(Lead("7", "A" * 100_000, course="B" * 100_000)).description) < 3000


def test_all_that_is_known_of_the_request_is_told() -> None:
    lead = Lead("7", "Ana", None, None, "Vigo", None, "Inglés", date(2027, 1, 12), "Otoño")
    assert person(lead) == Person(
        None, "Ana", None, "Curso: Inglés\nInicio: 12/01/2027\nSede: Vigo\nCampaña: Otoño\nLead: 7"
    )
