"""The hand in which a page is drawn: text, boxes and lines, measured in points from the top left; and its colours."""

from typing import TYPE_CHECKING

from cep_orchestration.stats.pdf_fonts import BOLD, REGULAR, Font, fitted, shown, width
from cep_orchestration.stats.pdf_plan import HEIGHT

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

# Dark and light enough to be told apart on a grey printer; no meaning hangs on a hue.
NAVY, INK, MUTED, RULE, PANEL, WHITE = "#13233A", "#1B2432", "#5A6575", "#D5DBE3", "#F3F5F8", "#FFFFFF"
BLUE, PALE_BLUE, ORANGE, AMBER, SOFT = "#1F5C99", "#A9C4DF", "#B4540A", "#F5BE55", "#C7D3E3"

TITLE, NAME, BIG = Font(BOLD, 17), Font(BOLD, 26), Font(BOLD, 19)
HEADING, BODY, TEXT, STRONG = Font(BOLD, 9.5), Font(REGULAR, 9.5), Font(REGULAR, 8), Font(BOLD, 8)
SMALL, SMALL_STRONG, TINY, TINY_STRONG = Font(REGULAR, 7), Font(BOLD, 7), Font(REGULAR, 6.5), Font(BOLD, 6.5)


class Pen:
    """Draws on one canvas."""

    def __init__(self, canvas: "Canvas") -> None:
        self._canvas = canvas

    def text(self, x: float, y: float, text: str, font: Font = TEXT, colour: str = INK) -> float:
        """From x to the right, on the base line y. Returns where it ends."""
        for name, piece in shown(text, font.name):
            self._canvas.setFont(name, font.size)
            self._canvas.setFillColor(colour)
            self._canvas.drawString(x, HEIGHT - y, piece)
            x += self._canvas.stringWidth(piece, name, font.size)
        return x

    def right(self, x: float, y: float, text: str, font: Font = TEXT, colour: str = INK) -> float:
        """So that it ends at x. Returns where it begins."""
        begin = x - width(text, font)
        self.text(begin, y, text, font, colour)
        return begin

    def centred(self, x: float, y: float, text: str, font: Font = TEXT, colour: str = INK) -> None:
        self.text(x - width(text, font) / 2, y, text, font, colour)

    def cut(self, x: float, y: float, text: str, room: float, font: Font = TEXT, colour: str = INK) -> float:
        return self.text(x, y, fitted(text, font, room), font, colour)

    def box(self, x: float, y: float, wide: float, high: float, colour: str, radius: float = 0.0) -> None:
        """Filled; its upper left corner is (x, y)."""
        self._canvas.setFillColor(colour)
        self._canvas.roundRect(x, HEIGHT - y - high, wide, high, radius, stroke=0, fill=1)

    def line(self, x: float, y: float, to_x: float, to_y: float, colour: str = RULE, thick: float = 0.5) -> None:
        self.path([(x, y), (to_x, to_y)], colour, thick)

    def path(self, points: list[tuple[float, float]], colour: str, thick: float) -> None:
        """A line through the points."""
        self._canvas.setStrokeColor(colour)
        self._canvas.setLineWidth(thick)
        self._canvas.setLineJoin(1)
        path = self._canvas.beginPath()
        path.moveTo(points[0][0], HEIGHT - points[0][1])
        for x, y in points[1:]:
            path.lineTo(x, HEIGHT - y)
        self._canvas.drawPath(path, stroke=1, fill=0)

    def dot(self, x: float, y: float, radius: float, colour: str, rim: str = WHITE) -> None:
        self._canvas.setFillColor(colour)
        self._canvas.setStrokeColor(rim)
        self._canvas.setLineWidth(0.7)
        self._canvas.circle(x, HEIGHT - y, radius, stroke=1, fill=1)

    def mark(self, x: float, y: float, direction: int, colour: str = INK) -> None:
        """A triangle that points up (1) or down (-1), 5 points wide, on the base line y."""
        tip, foot = (y - 5, y - 0.4) if direction > 0 else (y - 0.2, y - 4.8)
        path = self._canvas.beginPath()
        path.moveTo(x, HEIGHT - foot)
        path.lineTo(x + 5, HEIGHT - foot)
        path.lineTo(x + 2.5, HEIGHT - tip)
        path.close()
        self._canvas.setFillColor(colour)
        self._canvas.drawPath(path, stroke=0, fill=1)
