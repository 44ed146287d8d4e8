"""Text in the fonts of the reports: what is drawn for a text, how wide it is, how it is cut and wrapped.

Text is data: nothing in it is markup, and every character shows. What the main font lacks is drawn in one of wide
coverage, what that lacks too as U+FFFD.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).parent / "fonts"
REGULAR, BOLD, WIDE_COVERAGE = "Roboto-Regular", "Roboto-Bold", "DejaVuSans"
REPLACEMENT = "\ufffd"
CUT = "…"
RIGHT_TO_LEFT = frozenset(("R", "AL"))


@dataclass(frozen=True)
class Font:
    """A font's name and its size in points."""

    name: str
    size: float


def shown(text: str, font: str) -> Iterator[tuple[str, str]]:
    """Pieces from left to right as they are drawn, each with the font that has its characters."""
    drawn = [(_font_of(letter, font), letter) for letter in _visual(text)]
    for name, letters in groupby(drawn, key=lambda pair: pair[0]):
        piece = "".join(letter for _, letter in letters)
        yield (name, piece) if name else (WIDE_COVERAGE, REPLACEMENT * len(piece))


def _visual(text: str) -> str:
    """From left to right, with Arabic letters joined; right-to-left text would read backwards."""
    text = unicodedata.normalize("NFC", text)
    if not any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in text):
        return text
    from arabic_reshaper import reshape
    from bidi import get_display

    ordered = get_display(reshape(text))
    return ordered if isinstance(ordered, str) else ordered.decode()


def _font_of(letter: str, font: str) -> str:
    if ord(letter) in _characters(font):
        return font
    return WIDE_COVERAGE if ord(letter) in _characters(WIDE_COVERAGE) else ""


def known(font: str) -> str:
    """The font, which reportlab then knows."""
    _characters(font)
    return font


@cache
def _characters(font: str) -> frozenset[int]:
    """What a font has. Makes it known to reportlab."""
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    loaded = TTFont(font, FOLDER / f"{font}.ttf")
    registerFont(loaded)
    return frozenset(loaded.face.charToGlyph)


def width(text: str, font: Font) -> float:
    """In points."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    return sum(stringWidth(piece, name, font.size) for name, piece in shown(text, font.name))


def fitted(text: str, font: Font, room: float) -> str:
    """The text, or as much of its beginning as there is room for, and «…»."""
    if width(text, font) <= room:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if width(text[:middle].rstrip() + CUT, font) <= room:
            fits = middle
        else:
            too_long = middle
    return text[:fits].rstrip() + CUT


def wrapped(text: str, font: Font, room: float, most: int) -> list[str]:
    """At most so many lines; the last is cut where there is more, and so is a word that is longer than a line."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < most:
        taken = _words_of_a_line(words, font, room)
        last = len(lines) == most - 1
        lines.append(fitted(" ".join(words if last else words[:taken]), font, room))
        words = words[taken:]
    return lines


def _words_of_a_line(words: list[str], font: Font, room: float) -> int:
    for count in range(2, len(words) + 1):
        if width(" ".join(words[:count]), font) > room:
            return count - 1
    return len(words)
