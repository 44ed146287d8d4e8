"""Looks into the PDFs: their text, where it stands, and how they were made."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import combinations
from typing import Any

from PIL import Image, ImageChops
from pypdfium2 import PdfDocument

Box = tuple[float, float, float, float]
"""Left, bottom, right, top: points from the lower left."""
OVERLAP_SHARE = 0.2
SEEN = 64
"""Of 255: a difference in brightness that somebody sees."""


@contextmanager
def opened(pdf: bytes) -> Iterator[Any]:
    document = PdfDocument(pdf)
    try:
        yield document
    finally:
        document.close()


def count(pdf: bytes) -> int:
    with opened(pdf) as document:
        return len(document)


def about(pdf: bytes) -> dict[str, str]:
    with opened(pdf) as document:
        found: dict[str, str] = document.get_metadata_dict()
        return found


def text(pdf: bytes) -> str:
    """Of all pages, in lines."""
    return "\n".join(_of_pages(pdf, lambda page: page.get_text_range())).replace("\r\n", "\n")


def words(pdf: bytes) -> str:
    """The text with a space wherever there is any."""
    return " ".join(text(pdf).split())


def unlike(one: bytes, other: bytes) -> int:
    """How many pixels of two pictures of one size differ so that it is seen."""
    first, second = (Image.open(BytesIO(picture)).convert("L") for picture in (one, other))
    assert first.size == second.size
    return sum(ImageChops.difference(first, second).histogram()[SEEN:])


def boxes(pdf: bytes) -> list[list[Box]]:
    """Of the characters of each page that leave ink."""
    return _of_pages(pdf, lambda page: [box for at in range(page.count_chars()) if _ink(box := page.get_charbox(at))])


def overlapping(found: list[Box]) -> list[tuple[Box, Box]]:
    """Characters of which one covers a good part of another."""
    near: dict[tuple[int, int], list[Box]] = defaultdict(list)
    for box in found:
        near[int(box[0] // 12), int(box[1] // 12)].append(box)
    return [pair for some in near.values() for pair in combinations(some, 2) if _covers(*pair)]


def _covers(one: Box, other: Box) -> bool:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide > 0 and high > 0 and wide * high > OVERLAP_SHARE * min(_area(one), _area(other))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _ink(box: Box) -> bool:
    return _area(box) > 0


def _of_pages(pdf: bytes, look: Callable[[Any], Any]) -> list[Any]:
    with opened(pdf) as document:
        return [look(page.get_textpage()) for page in document]
