"""What advisors read, and who can be reached at all: tables of cases."""

from dataclasses import replace
from datetime import date

import pytest

from cep_orchestration.leads.advisor_messages import (
    BODY_LIMIT,
    OWN_WORDS,
    TEXT_LIMIT,
    advisor_template,
    advisor_text,
    course_run_text,
    e164_digits,
)
from cep_orchestration.leads.channels import lacks_advisor
from cep_orchestration.leads.rules import lacks_email
from cep_orchestration.ports import Lead, Template
from cep_orchestration.settings import WhatsAppTemplates

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
LUIS = Lead("8", "Luis\nGil", phone=None, course="Inglés")
NAMES = WhatsAppTemplates("nuevo_lead", "leads_nuevos")
URL = "https://cms.example.org/admin/collections/leads"
COUNTS = pytest.mark.parametrize("count", [2, 5, 6, 12, 43, 44, 45, 60, 99, 100, 101, 500, 1000])
LETTERS = pytest.mark.parametrize("letters", ["x", "ñ" * 9, "ñ" * 90, "ñ" * 5000, "🎓" * 90])
LINKS = pytest.mark.parametrize("url", ["", URL])


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
        (" \n", date(2027, 1, 12), "un curso sin indicar"),
        (" Inglés\n B1", date(2026, 12, 1), "Inglés B1, 01/12/2026"),
        ("ñ" * 5000, date(2026, 12, 1), "ñ" * 149 + "…, 01/12/2026"),
    ],
)
def test_a_course_run_is_named_by_course_and_start_and_never_by_an_id(
    course: str | None, starts_on: date | None, text: str
) -> None:
    assert course_run_text(Lead("4711", "Ana", course=course, starts_on=starts_on)) == text


PEOPLE = pytest.mark.parametrize(
    ("name", "phone", "shown"),
    [
        ("Ana Pérez", "+34 600 111 222", ("Ana Pérez", "+34 600 111 222")),
        ("Ana Pérez", None, ("Ana Pérez", "sin teléfono")),
        ("Ana Pérez", "", ("Ana Pérez", "sin teléfono")),
        ("Ana Pérez", " \n", ("Ana Pérez", "sin teléfono")),
        ("", "600", ("sin nombre", "600")),
        (" \u200b\u200f", "600", ("sin nombre", "600")),
        (" Ana\r\n\tPérez\n", "600\n111 222", ("Ana Pérez", "600 111 222")),
        ("Ana\u2028 \x85 \x01\x7fPérez", "600", ("Ana Pérez", "600")),
        ("\u202eanA\u2066 Pérez", "600", ("anA Pérez", "600")),
        ("محمد\u200f", "600", ("محمد\u200f", "600")),
        ("👩\u200d🎓 Ana", "600", ("👩\u200d🎓 Ana", "600")),
        ("ñ" * 10_000, "6" * 10_000, ("ñ" * 99 + "…", "6" * 39 + "…")),
    ],
)


@PEOPLE
def test_one_lead_is_one_sentence_on_one_line(name: str, phone: str | None, shown: tuple[str, str]) -> None:
    text, named = advisor_text([replace(ANA, name=name, phone=phone)])
    assert text == f"Nuevo lead: {shown[0]} ({shown[1]}) interesado en Auxiliar de Enfermería, 12/01/2027"
    assert named == 1


@PEOPLE
def test_one_lead_by_template_is_name_phone_and_course_run(
    name: str, phone: str | None, shown: tuple[str, str]
) -> None:
    message, named = advisor_template([replace(ANA, name=name, phone=phone)], NAMES)
    assert message == Template("nuevo_lead", (*shown, "Auxiliar de Enfermería, 12/01/2027"))
    assert named == 1


def test_several_leads_are_a_list_in_their_order() -> None:
    assert advisor_text([ANA, LUIS], URL) == (
        "2 leads nuevos:\n"
        "• Ana Pérez (+34 600 111 222) interesado en Auxiliar de Enfermería, 12/01/2027\n"
        "• Luis Gil (sin teléfono) interesado en Inglés",
        2,
    )


def test_several_leads_by_template_are_how_many_and_who_on_one_line() -> None:
    who = "Ana Pérez (+34 600 111 222), Auxiliar de Enfermería, 12/01/2027 · Luis Gil (sin teléfono), Inglés"
    assert advisor_template([ANA, LUIS], NAMES, URL) == (Template("leads_nuevos", ("2", who)), 2)


@COUNTS
@LETTERS
@LINKS
def test_a_list_fits_into_a_message_and_says_how_many_it_does_not_name(count: int, letters: str, url: str) -> None:
    leads = [replace(ANA, id=str(number), name=letters) for number in range(count)]
    text, named = advisor_text(leads, url)
    assert _size(text) <= TEXT_LIMIT == 4096
    assert text.startswith(f"{count} leads nuevos:\n")
    assert text.count("\n• ") == named > 0
    assert ("más" in text) == (named < count)
    if named < count:
        assert text.endswith(f"\n… y {count - named} más, en el CMS{f': {url}' if url else '.'}")
        assert _size(text) + _size(text.splitlines()[1]) + 1 >= TEXT_LIMIT - 1, "no room is wasted"


@COUNTS
@LETTERS
@LINKS
def test_a_template_of_several_fits_into_a_body_with_room_for_its_own_words(count: int, letters: str, url: str) -> None:
    leads = [replace(ANA, id=str(number), name=letters) for number in range(count)]
    message, named = advisor_template(leads, NAMES, url)
    said, who = message.parameters
    assert said == str(count)
    assert _size(said + who) <= BODY_LIMIT - OWN_WORDS
    assert "\n" not in who
    assert who.count("Auxiliar de Enfermería, 12/01/2027") == named > 0
    if named < count:
        assert who.endswith(f" · … y {count - named} más, en el CMS{f': {url}' if url else '.'}")
        assert _size(said + who) + _size(who.split(" · ")[0]) + 3 >= BODY_LIMIT - OWN_WORDS - 1, "none is wasted"


def test_a_list_that_fits_whole_gives_no_room_to_a_word_about_the_rest() -> None:
    lead = replace(ANA, name="x")
    most = max(count for count in range(2, 100) if advisor_text([lead] * count)[1] == count)
    text, _ = advisor_text([lead] * most)
    assert len(text) + len(text.splitlines()[1]) + 1 >= TEXT_LIMIT - 1


def test_a_link_that_would_take_the_room_of_the_leads_is_left_out() -> None:
    text, named = advisor_text([ANA] * 500, f"{URL}?{'x' * 5000}")
    assert text.endswith(f"… y {500 - named} más, en el CMS.")
    assert named > 40


def _size(text: str) -> int:
    """Characters as they are counted where an emoji is two."""
    return len(text.encode("utf-16-le")) // 2
