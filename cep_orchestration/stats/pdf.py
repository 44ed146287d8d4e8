"""A report as a PDF, and the picture of its first page. The same report makes the same bytes."""

from datetime import UTC
from io import BytesIO
from typing import TYPE_CHECKING

from cep_orchestration.stats.pdf_charts import chart_height, draw_chart
from cep_orchestration.stats.pdf_fonts import REGULAR, known
from cep_orchestration.stats.pdf_panels import (
    CENTRE,
    draw_band,
    draw_footer,
    draw_later_band,
    draw_notes,
    draw_summary,
    draw_tiles,
)
from cep_orchestration.stats.pdf_pen import Pen
from cep_orchestration.stats.pdf_plan import (
    BOTTOM,
    GAP,
    HEIGHT,
    NOTES,
    WIDTH,
    Plan,
    plan,
    strip_height,
)
from cep_orchestration.stats.pdf_tables import draw_strip
from cep_orchestration.stats.report import Report
from cep_orchestration.stats.report_words import period, title

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

LANGUAGE = "es-ES"
PICTURE_WIDTH, COLOURS = 1000, 256


def render(report: Report) -> bytes:
    """A4; one page for a day, one or two for a week or month."""
    from reportlab.pdfgen.canvas import Canvas

    stored = BytesIO()
    canvas = Canvas(
        stored,
        pagesize=(WIDTH, HEIGHT),
        pageCompression=1,
        invariant=1,
        initialFontName=known(REGULAR),  # type: ignore[arg-type]  # the stubs want a number; the default is not embedded
        lang=LANGUAGE,
    )
    _describe(canvas, report)
    pen, planned = Pen(canvas), plan(report)
    _first_page(pen, report, planned)
    draw_footer(pen, report, 1, planned.pages)
    if planned.later:
        canvas.showPage()
        _later_page(pen, report, planned)
        draw_footer(pen, report, 2, planned.pages)
    canvas.save()
    return stored.getvalue()


def _describe(canvas: "Canvas", report: Report) -> None:
    canvas.setTitle(f"{title(report)} {report.label}")
    canvas.setAuthor(CENTRE)
    canvas.setSubject(f"Leads, gasto y anomalías: {period(report)}")
    canvas.setCreator("cep_orchestration")
    made_at = report.made_at.astimezone(UTC)
    canvas.setDateFormatter(lambda *_: f"D:{made_at:%Y%m%d%H%M%S}+00'00'")


def _first_page(pen: Pen, report: Report, planned: Plan) -> None:
    y = draw_band(pen, report) + GAP
    y += draw_summary(pen, report, y) + GAP
    y += draw_tiles(pen, report, y) + GAP
    below = sum(strip_height(strip) + GAP for strip in planned.first) + NOTES
    height = chart_height(report, BOTTOM - y - GAP - below)
    draw_chart(pen, report, y, height)
    y += height + GAP
    for strip in planned.first:
        y += draw_strip(pen, report, strip, y) + GAP
    draw_notes(pen, report, y)


def _later_page(pen: Pen, report: Report, planned: Plan) -> None:
    y = draw_later_band(pen, report) + GAP
    for strip in planned.later:
        y += draw_strip(pen, report, strip, y) + GAP


def picture(pdf: bytes) -> bytes:
    """Its first page as a PNG of PICTURE_WIDTH."""
    from PIL import Image
    from pypdfium2 import PdfDocument

    document = PdfDocument(pdf)
    try:
        page = document[0]
        image = page.render(scale=PICTURE_WIDTH / page.get_width()).to_pil()
    finally:
        document.close()
    drawn = BytesIO()
    # Whatever covers few pixels keeps its colour too: the line of the spend, the marks of doubt.
    image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(drawn, "PNG", optimize=True)
    return drawn.getvalue()
