"""Names from the CMS are data: none breaks the page, none is taken for markup, each is shown as far as it can be."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cep_orchestration.stats.pdf import picture, render
from cep_orchestration.stats.pdf_fonts import (
    BOLD,
    REGULAR,
    REPLACEMENT,
    WIDE_COVERAGE,
    Font,
    fitted,
    shown,
    width,
    wrapped,
)
from cep_orchestration.stats.report_text import report_text
from cep_orchestration_tests.stats import pages, reports

HOSTILE = (
    "<b>Madrid</b> <para><img src='x'/>",
    "Formación & Empleo &amp; &lt;",
    "W" * 200,
    "מרכז הכשרה 12",
    "مركز التدريب مدريد",
    "Curso 🎓 de 👩‍🍳 cocina 😀",
    "",
    "dos\nlíneas\ttab",
    "nul\x00 y \x1b[31mescape\u202e",
    "中文课程 ฝึกอบรม",
    "medio \ud800 par",
    "Zȧ̴̢̛l̷̡g̸o",
    "%s {0} \\(PDF\\) ) Tj",
)
ANY_NAME = st.one_of(st.text(st.characters(), max_size=250), st.sampled_from(HOSTILE))
FONT = Font(REGULAR, 8)


def test_a_name_is_never_markup() -> None:
    lines = pages.text(render(reports.named(HOSTILE[:4]))).splitlines()

    assert any(line.startswith("<b>Madrid</b> <para><i") for line in lines)
    assert any(line.startswith("Formación & Empleo &a") for line in lines)


def test_a_long_name_is_cut_before_it_reaches_the_numbers() -> None:
    (page,) = pages.boxes(render(reports.named(["W" * 200, "i" * 80])))

    assert pages.overlapping(page) == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("", "sin sede"),
        (" \n\t\x00", "sin sede"),
        ("dos\nlíneas\ttab", "dos líneas tab"),
        ("nul\x00 y \x1b[31mescape\u202e", "nul y [31mescape"),
        ("medio \ud800 par", "medio par"),
        ("%s {0} \\(PDF\\) ) Tj", "%s {0} \\(PDF\\) ) Tj"),
    ],
)
def test_what_cannot_be_printed_is_left_out(name: str, line: str) -> None:
    assert any(found.startswith(f"{line} ") for found in pages.text(render(reports.named([name]))).splitlines())


def test_what_no_font_has_is_visibly_replaced() -> None:
    assert list(shown("Curso 🎓", REGULAR)) == [(REGULAR, "Curso "), (WIDE_COVERAGE, REPLACEMENT)]


def test_what_only_the_other_font_has_is_drawn_in_it() -> None:
    assert list(shown("a😀é", BOLD)) == [(BOLD, "a"), (WIDE_COVERAGE, "😀"), (BOLD, "é")]


def test_right_to_left_text_is_drawn_from_its_end() -> None:
    assert list(shown("Sede אבג", REGULAR)) == [(REGULAR, "Sede "), (WIDE_COVERAGE, "גבא")]


def test_arabic_letters_are_joined() -> None:
    ((font, drawn),) = shown("مدريد", REGULAR)

    assert font == WIDE_COVERAGE
    assert drawn == "\ufeaa\ufef3\ufead\ufeaa\ufee3"


def test_two_ways_to_write_an_accent_are_drawn_alike() -> None:
    assert list(shown("Ma\u0301laga", REGULAR)) == [(REGULAR, "Málaga")]


@given(ANY_NAME, st.floats(4, 300))
def test_a_cut_name_fits(name: str, room: float) -> None:
    cut = fitted(name, FONT, room)

    assert cut == "…" or width(cut, FONT) <= max(room, width("…", FONT))
    assert cut == name or cut.endswith("…")


@given(st.text(st.characters(), max_size=400), st.integers(1, 4))
def test_wrapped_lines_fit_and_lose_nothing_without_a_sign(text: str, most: int) -> None:
    lines = wrapped(text, FONT, 90, most)

    assert len(lines) <= most
    assert all(width(line, FONT) <= 90 for line in lines)
    assert " ".join(lines) == " ".join(text.split()) or any(line.endswith("…") for line in lines)


@settings(deadline=None, max_examples=40)
@given(st.lists(ANY_NAME, min_size=1, max_size=14))
def test_whatever_people_call_things_the_report_is_a_page(names: list[str]) -> None:
    report = reports.named(names)
    pdf = render(report)

    assert pages.count(pdf) == 1
    assert pdf == render(report)
    report_text(report).encode()


def test_hostile_names_are_drawn(tmp_path: Path) -> None:
    drawn = picture(render(reports.named(HOSTILE)))

    assert drawn.startswith(b"\x89PNG")
