"""The parts of a page beside its chart and tables: band, summary, tiles, notes, footer."""

from collections.abc import Sequence

from cep_orchestration.amounts import number
from cep_orchestration.stats.pdf_fonts import Font, fitted, width, wrapped
from cep_orchestration.stats.pdf_pen import (
    AMBER,
    BIG,
    BLUE,
    BODY,
    HEADING,
    INK,
    MUTED,
    NAME,
    NAVY,
    PANEL,
    RULE,
    SMALL,
    SMALL_STRONG,
    SOFT,
    STRONG,
    TEXT,
    TITLE,
    WHITE,
    Pen,
)
from cep_orchestration.stats.pdf_plan import (
    BAND,
    BOTTOM,
    INNER,
    LATER_BAND,
    MARGIN,
    NOTES,
    SUMMARY_LINE,
    SUMMARY_LINES,
    TILE,
    TILE_GAP,
    TILES_A_ROW,
    WIDTH,
    tiles_height,
)
from cep_orchestration.stats.report import Headline, Report
from cep_orchestration.stats.report_words import (
    Change,
    amount,
    anomalies_title,
    change,
    comparisons,
    facts,
    made,
    period,
    sentence,
    summary,
    title,
)

CENTRE = "CEP"
RIGHT = WIDTH - MARGIN
ANOMALY_LINES = 7
NOTE_LINE = 11.0


def draw_band(pen: Pen, report: Report) -> float:
    pen.box(0, 0, WIDTH, BAND, NAVY)
    pen.text(MARGIN, 46, CENTRE, NAME, WHITE)
    x = MARGIN + width(CENTRE, NAME) + 16
    pen.line(x, 20, x, 54, SOFT, 0.8)
    pen.text(x + 16, 35, title(report), TITLE, WHITE)
    pen.text(x + 16, 51, _capital(period(report)), BODY, SOFT)
    pen.right(RIGHT, 51, report.label, BODY, SOFT)
    if report.provisional:
        wide = width("provisional", STRONG) + 16
        pen.box(RIGHT - wide, 22, wide, 15, AMBER, 7.5)
        pen.text(RIGHT - wide + 8, 32.4, "provisional", STRONG, NAVY)
    return BAND


def draw_later_band(pen: Pen, report: Report) -> float:
    pen.box(0, 0, WIDTH, LATER_BAND, NAVY)
    x = pen.text(MARGIN, 25, CENTRE, TITLE, WHITE) + 14
    pen.text(x, 25, f"{title(report)} · {period(report)}", BODY, SOFT)
    return LATER_BAND


def draw_summary(pen: Pen, report: Report, y: float) -> float:
    lines = wrapped(summary(report), BODY, INNER, SUMMARY_LINES)
    for at, line in enumerate(lines):
        pen.text(MARGIN, y + 9 + at * SUMMARY_LINE, line, BODY)
    return len(lines) * SUMMARY_LINE


def draw_tiles(pen: Pen, report: Report, y: float) -> float:
    """The headlines in rows of equally wide tiles."""
    if not report.headlines:
        return 0.0
    rows = -(-len(report.headlines) // TILES_A_ROW)
    columns = -(-len(report.headlines) // rows)
    wide = (INNER - (columns - 1) * TILE_GAP) / columns
    for at, headline in enumerate(report.headlines):
        row, column = divmod(at, columns)
        _tile(pen, report, headline, MARGIN + column * (wide + TILE_GAP), y + row * (TILE + TILE_GAP), wide)
    height = tiles_height(len(report.headlines))
    pen.right(RIGHT, y + height - 3, comparisons(report), SMALL, MUTED)
    return height


def _tile(pen: Pen, report: Report, headline: Headline, x: float, y: float, wide: float) -> None:
    pen.box(x, y, wide, TILE, PANEL, 3)
    pen.box(x, y + 8, 2.5, TILE - 16, BLUE)
    values, unit = headline.values, headline.unit
    pen.cut(x + 10, y + 14, headline.name, wide - 18, STRONG, MUTED)
    _big(pen, x + 10, y + 36, amount(values.now, unit, report.currency), wide - 16)
    for at, (name, other) in enumerate((("anterior", values.before), ("habitual", values.usual))):
        line = y + 49 + at * 10.5
        end = pen.text(x + 10, line, f"{name} ", SMALL, MUTED)
        end = pen.text(end, line, amount(other, unit, report.currency), SMALL)
        _change(pen, change(values.now, other), end, x + wide - 8, line)


def _big(pen: Pen, x: float, y: float, text: str, room: float) -> None:
    """As large as there is room for: a number is never cut."""
    size = min(BIG.size, BIG.size * room / width(text, BIG))
    pen.text(x, y, text, Font(BIG.name, size))


def _change(pen: Pen, changed: Change | None, left: float, right: float, y: float) -> None:
    """Direction by shape and sign, never by colour: whether more is good depends on the number. Where there is no room
    between left and right for how much, the mark alone."""
    if changed is None:
        return
    words = changed.words if left + width(changed.words, SMALL_STRONG) + 12 < right else ""
    begin = pen.right(right, y, words, SMALL_STRONG)
    if changed.direction:
        pen.mark(begin - (7.5 if words else 5), y, changed.direction)


def draw_notes(pen: Pen, report: Report, y: float) -> float:
    wide = (INNER - TILE_GAP) / 2
    _anomalies(pen, report, MARGIN, y, wide)
    _quality(pen, report, MARGIN + wide + TILE_GAP, y, wide)
    return NOTES


def _panel(pen: Pen, x: float, y: float, wide: float, name: str) -> None:
    pen.box(x, y, wide, NOTES, PANEL, 3)
    pen.text(x + 10, y + 15, name, HEADING)


def _anomalies(pen: Pen, report: Report, x: float, y: float, wide: float) -> None:
    _panel(pen, x, y, wide, anomalies_title(report))
    if not report.anomalies:
        pen.text(x + 10, y + 30, "Ninguna campaña con anomalías abiertas.", TEXT, MUTED)
        return
    line, shown = y + 28.5, _sentences(report.anomalies, wide - 28)
    for lines in shown:
        pen.dot(x + 12.5, line - 2.6, 1.8, INK, INK)
        for text in lines:
            pen.text(x + 18, line, text, SMALL)
            line += NOTE_LINE - 1.5
        line += 1.5
    if len(shown) < len(report.anomalies):
        pen.text(x + 18, line, f"y {number(len(report.anomalies) - len(shown))} más", SMALL_STRONG, MUTED)


def _sentences(anomalies: Sequence[str], room: float) -> list[list[str]]:
    """The first ones, wrapped, of which there is room for all lines and for «y N más»."""
    taken: list[list[str]] = []
    most = 3 if len(anomalies) * 3 < ANOMALY_LINES else 2
    for text in anomalies:
        lines = wrapped(sentence(text), SMALL, room, most)
        if sum(map(len, taken)) + len(lines) > ANOMALY_LINES - 1:
            break
        taken.append(lines)
    return taken


def _quality(pen: Pen, report: Report, x: float, y: float, wide: float) -> None:
    _panel(pen, x, y, wide, "Calidad de los datos")
    for at, fact in enumerate(facts(report)):
        line = y + 30 + at * NOTE_LINE
        pen.text(x + 20, line, fact.name, TEXT, MUTED)
        font = STRONG if fact.doubtful else TEXT
        room = wide - 38 - width(fact.name, TEXT)
        pen.right(x + wide - 10, line, fitted(fact.words, font, room), font)
        if fact.doubtful:
            pen.dot(x + 13, line - 2.8, 4, AMBER, AMBER)
            pen.centred(x + 13, line - 0.3, "!", SMALL_STRONG, NAVY)


def draw_footer(pen: Pen, report: Report, page: int, pages: int) -> None:
    pen.line(MARGIN, BOTTOM + 6, RIGHT, BOTTOM + 6, RULE)
    pen.text(MARGIN, BOTTOM + 18, made(report), SMALL, MUTED)
    pen.right(RIGHT, BOTTOM + 18, f"Página {page} de {pages}", SMALL, MUTED)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
