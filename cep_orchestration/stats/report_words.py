"""The Spanish words of a report, for its page and its mail alike: periods, amounts, how much changed, data quality."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from cep_orchestration.amounts import MADRID, MONTHS, day, money, number, printable
from cep_orchestration.stats.report import Period, Report, Three, Unit

WEEKDAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
TITLES = {Period.DAY: "Reporte diario", Period.WEEK: "Reporte semanal", Period.MONTH: "Reporte mensual"}
NOTHING = {
    Period.DAY: "Sin leads este día.",
    Period.WEEK: "Sin leads esta semana.",
    Period.MONTH: "Sin leads este mes.",
}
NOT_COUNTED = "Sin datos: quedan días por contar."
UNKNOWN = "—"
SENTENCE_LETTERS = 400
DAYS_NAMED = 3
OLD_BACKUP = timedelta(days=2)
TIMES_INSTEAD_OF_PERCENT = 10


@dataclass(frozen=True)
class Kind:
    """How the rows of a breakdown are called where they have no name, and those that are not shown."""

    nameless: str
    rest: str


KINDS = {
    "Sedes": Kind("sin sede", "otras {} sedes"),
    "Cursos": Kind("sin curso", "otros {} cursos"),
    "Campañas": Kind("sin campaña", "otras {} campañas"),
    "Origen": Kind("sin origen", "otros {} orígenes"),
}
ANY_KIND = Kind("sin nombre", "{} más")


@dataclass(frozen=True)
class Change:
    """Up (1), down (-1) or neither (0), and by how much: «+14%», «×12», «igual»."""

    direction: int
    words: str


@dataclass(frozen=True)
class Fact:
    """A line on the quality of the data; `doubtful`: somebody should look."""

    name: str
    words: str
    doubtful: bool


def kind(title: str) -> Kind:
    return KINDS.get(title, ANY_KIND)


def title(report: Report) -> str:
    return TITLES[report.period]


def period(report: Report) -> str:
    """«lunes, 23 de noviembre de 2026», «semana 47: 16 a 22 de noviembre de 2026», «noviembre de 2026»."""
    if report.period is Period.DAY:
        return full_day(report.since)
    if report.period is Period.MONTH:
        return f"{MONTHS[report.since.month - 1]} de {report.since.year}"
    return f"semana {report.since.isocalendar().week}: {_span(report.since, report.until)}"


def _span(since: date, until: date) -> str:
    if since.year != until.year:
        return f"{day(since)} de {since.year} a {day(until)} de {until.year}"
    first = str(since.day) if since.month == until.month else day(since)
    return f"{first} a {day(until)} de {until.year}"


def full_day(when: date) -> str:
    """«lunes, 23 de noviembre de 2026»."""
    return f"{WEEKDAYS[when.weekday()]}, {day(when)} de {when.year}"


def comparisons(report: Report) -> str:
    """What the two other values of each number are."""
    if report.period is Period.DAY:
        yesterday, name = report.since - timedelta(days=1), WEEKDAYS[report.since.weekday()]
        plural = name if name.endswith("s") else f"{name}s"
        return (
            f"anterior: {WEEKDAYS[yesterday.weekday()]}, {day(yesterday)} · "
            f"habitual: media de los cuatro {plural} anteriores"
        )
    if report.period is Period.WEEK:
        return "anterior: la semana anterior · habitual: media de las cuatro semanas anteriores"
    return "anterior: el mes anterior · habitual: media de los cuatro meses anteriores"


def summary(report: Report) -> str:
    return sentence(" ".join(report.summary)) if report.summary else nothing(report)


def nothing(report: Report) -> str:
    """Where there are no rows."""
    return NOT_COUNTED if report.quality.missing_days else NOTHING[report.period]


def sentence(text: str) -> str:
    """On one line: names of the CMS stand in it."""
    return printable(text, SENTENCE_LETTERS, UNKNOWN)


def amount(value: Decimal | None, unit: Unit, currency: str) -> str:
    if value is None:
        return UNKNOWN
    return money(value, currency) if unit is Unit.MONEY else count(value)


def count(value: Decimal | None) -> str:
    """Means keep a decimal where it says something: «19,5»; «1.234»."""
    if value is None:
        return UNKNOWN
    whole = value == value.to_integral_value() or abs(value) >= 100
    return number(value, 0 if whole else 1)


def change(now: Decimal | None, other: Decimal | None) -> Change | None:
    """None: one of them is not known."""
    if now is None or other is None:
        return None
    if other <= 0:
        return Change(1, "") if now > other else Change(0, "igual")
    if now >= other * TIMES_INSTEAD_OF_PERCENT:
        return Change(1, f"×{number(now / other)}")
    percent = round(100 * (now - other) / other)
    if percent == 0:
        return Change(0, "igual")
    return Change(1, f"+{number(percent)}%") if percent > 0 else Change(-1, f"−{number(-percent)}%")


def three(values: Three, unit: Unit, currency: str) -> str:
    """«128 (anterior 112, habitual 104,5)»."""
    now, before, usual = (amount(one, unit, currency) for one in (values.now, values.before, values.usual))
    return f"{now} (anterior {before}, habitual {usual})"


def facts(report: Report) -> list[Fact]:
    """How far the numbers can be trusted, line by line."""
    quality = report.quality
    backup = quality.proven_backup
    lines = [
        Fact("Datos de Meta", _until(quality.ads_until), quality.ads_until is None or quality.ads_until < report.until),
        Fact("Entregas fallidas", number(quality.failed), quality.failed > 0),
        Fact("Entregas sin confirmar", number(quality.unknown), quality.unknown > 0),
        Fact("Copia de seguridad probada", _moment(backup), backup is None or report.made_at - backup > OLD_BACKUP),
        Fact("Días sin contar", _days(report), bool(quality.missing_days)),
    ]
    if report.provisional:
        lines.append(Fact("Gasto", "provisional: Meta aún puede corregirlo", False))
    return lines


def _until(when: date | None) -> str:
    return f"hasta el {day(when)} de {when.year}" if when else "nunca leídos, o sin configurar"


def _moment(when: datetime | None) -> str:
    if when is None:
        return "nunca"
    local = when.astimezone(MADRID)
    return f"{day(local)} de {local.year}, {local:%H:%M}"


def _days(report: Report) -> str:
    missing = report.quality.missing_days
    if not missing:
        return "ninguno"
    named = ", ".join(f"{one.day}/{one.month}" for one in missing[:DAYS_NAMED])
    return named if len(missing) <= DAYS_NAMED else f"{named} y {len(missing) - DAYS_NAMED} más"


def made(report: Report) -> str:
    local = report.made_at.astimezone(MADRID)
    return f"Hecho el {day(local)} de {local.year} a las {local:%H:%M} (hora de Madrid)"


def anomalies_title(report: Report) -> str:
    return f"Anomalías abiertas ({number(len(report.anomalies))})" if report.anomalies else "Anomalías abiertas"
