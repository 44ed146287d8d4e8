"""What advisors read, and who can be reached at all: tables of cases."""

from dataclasses import replace
from datetime import date

import pytest

from cep_orchestration.leads.rules import (
    TEXT_LIMIT,
    advisor_text,
    course_run_text,
    e164_digits,
    lacks_advisor,
    lacks_email,
)
from cep_orchestration.ports import Lead

ANA = Lead(
    "7",
    "Ana Pérez",
    email="ana@example.com",
    phone="+34 600 111 222",
    campus="Vigo",
    advisor_phone="+34 611 222 333",
    course="Auxiliar de Enfermería",
    starts_on=date(2027, 1, 12),
)


@pytest.mark.parametrize(
    ("phone", "digits"),
    [
        ("600111222", "34600111222"),
        ("600 111 222", "34600111222"),
        ("600-11-12-22", "34600111222"),
        ("(+34) 600.111.222", "34600111222"),
        ("+34600111222", "34600111222"),
        ("0034 600 111 222", "34600111222"),
        ("34600111222", "34600111222"),
        (" +34 600 111 222\n", "34600111222"),
        ("tel: 912 345 678", "34912345678"),
        ("+33 6 12 34 56 78", "33612345678"),
        ("+351 912 345 678", "351912345678"),
        ("00351912345678", "351912345678"),
        ("+1 (202) 555-0143", "12025550143"),
        ("+39 06 1234 5678", "390612345678"),
        ("", None),
        ("   ", None),
        ("no tengo", None),
        ("112", None),
        ("60011122", None),
        ("+34 600 111 222 333", None),
        ("600111222 / 600333444", None),
        ("+999 123 456 789", None),
        ("+", None),
        ("ana@example.com", None),
    ],
)
def test_a_phone_number_becomes_digits_with_its_country_or_nothing(phone: str, digits: str | None) -> None:
    assert e164_digits(phone) == digits


@pytest.mark.parametrize(
    ("email", "reason"), [("ana@example.com", None), (None, "no e-mail"), ("", "no e-mail"), ("nobody", "no e-mail")]
)
def test_a_lead_can_be_mailed_with_an_address(email: str | None, reason: str | None) -> None:
    assert lacks_email(replace(ANA, email=email)) == reason


@pytest.mark.parametrize(
    ("campus", "phone", "reason"),
    [
        ("Vigo", "+34 611 222 333", None),
        ("Vigo", None, "no advisor phone"),
        ("Vigo", "", "no advisor phone"),
        ("Vigo", "extensión 12", "bad phone"),
        (None, None, "no campus"),
        ("", "+34 611 222 333", "no campus"),
    ],
)
def test_a_lead_has_an_advisor_where_its_campus_has_a_number_that_exists(
    campus: str | None, phone: str | None, reason: str | None
) -> None:
    assert lacks_advisor(replace(ANA, campus=campus, advisor_phone=phone)) == reason


@pytest.mark.parametrize(
    ("course", "starts_on", "text"),
    [
        ("Auxiliar de Enfermería", date(2027, 1, 12), "Auxiliar de Enfermería, 12/01/2027"),
        ("Inglés", date(2026, 12, 1), "Inglés, 01/12/2026"),
        ("Inglés", None, "Inglés"),
        (None, date(2027, 1, 12), "un curso sin indicar"),
        (None, None, "un curso sin indicar"),
        ("", None, "un curso sin indicar"),
    ],
)
def test_a_course_run_is_named_by_course_and_start_and_never_by_an_id(
    course: str | None, starts_on: date | None, text: str
) -> None:
    assert course_run_text(Lead("4711", "Ana", course=course, starts_on=starts_on)) == text


@pytest.mark.parametrize(
    ("name", "phone", "who"),
    [
        ("Ana Pérez", "+34 600 111 222", "Ana Pérez (+34 600 111 222)"),
        ("Ana Pérez", None, "Ana Pérez (sin teléfono)"),
        ("Ana Pérez", "", "Ana Pérez (sin teléfono)"),
        (" Ana\r\n\tPérez\n", "+34 600 111 222", "Ana Pérez (+34 600 111 222)"),
        ("Ana Pérez", " \n", "Ana Pérez (sin teléfono)"),
        ("Ana Pérez", "600\n111 222", "Ana Pérez (600 111 222)"),
    ],
)
def test_one_lead_is_one_sentence_on_one_line(name: str, phone: str | None, who: str) -> None:
    text, named = advisor_text([replace(ANA, name=name, phone=phone)])
    assert text == f"Nuevo lead: {who} interesado en Auxiliar de Enfermería, 12/01/2027"
    assert named == 1


def test_several_leads_are_a_list_in_their_order() -> None:
    luis = Lead("8", "Luis\nGil", phone=None, course="Inglés")
    assert advisor_text([ANA, luis]) == (
        "2 leads nuevos:\n"
        "• Ana Pérez (+34 600 111 222) interesado en Auxiliar de Enfermería, 12/01/2027\n"
        "• Luis Gil (sin teléfono) interesado en Inglés",
        2,
    )


@pytest.mark.parametrize("count", [2, 43, 44, 45, 60, 99, 100, 101, 500, 1000])
@pytest.mark.parametrize("letters", [1, 9, 90, 400, 5000])
def test_a_list_fits_into_a_message_and_says_how_many_it_does_not_name(count: int, letters: int) -> None:
    leads = [replace(ANA, id=str(number), name="ñ" * letters) for number in range(count)]
    text, named = advisor_text(leads)
    assert len(text) <= TEXT_LIMIT == 4096
    assert text.startswith(f"{count} leads nuevos:\n")
    assert text.count("\n• ") == named
    assert ("más" in text) == (named < count)
    if named < count:
        assert text.endswith(f"\n… y {count - named} más, en el CMS.")
        assert len(text) + len(advisor_text([leads[0], leads[0]])[0]) > TEXT_LIMIT  # no room is wasted


def test_an_endless_name_or_phone_is_cut_and_takes_no_room_from_the_others() -> None:
    endless = replace(ANA, name="ñ" * 5000, phone="6" * 5000)
    who = f"{'ñ' * 99}… ({'6' * 39}…)"
    assert advisor_text([endless])[0] == f"Nuevo lead: {who} interesado en Auxiliar de Enfermería, 12/01/2027"
    text, named = advisor_text([endless, ANA])
    assert (named, "• Ana Pérez (+34 600 111 222)" in text) == (2, True)


def test_one_lead_with_an_endless_course_fits_into_a_message() -> None:
    assert len(advisor_text([replace(ANA, course="ñ" * 5000)])[0]) == TEXT_LIMIT
