"""Makers of example reports: empty days, a normal and a huge one, a week, a month, and one with names as given."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

from cep_orchestration.amounts import money, number
from cep_orchestration.stats.report import (
    Breakdown,
    Cost,
    Headline,
    Period,
    Point,
    Quality,
    Report,
    Row,
    Three,
    Unit,
)

DAY = date(2026, 11, 23)
MADE_AT = datetime(2026, 11, 24, 1, 3, tzinfo=UTC)
CAMPUSES = (
    *("Madrid Centro", "Barcelona Sants", "Valencia", "Sevilla Este", "Zaragoza", "Málaga", "Bilbao", "Gijón"),
    *("A Coruña", "Alcalá de Henares", "L'Hospitalet de Llobregat", "Las Palmas de Gran Canaria", "Murcia", "Córdoba"),
)
COURSES = (
    *("Auxiliar de Enfermería", "Técnico en Farmacia", "Administración y Finanzas", "Cocina y Gastronomía"),
    *("Educación Infantil", "Prevención de Riesgos Laborales", "Inglés B2", "Marketing Digital", "Soldadura"),
    *("Atención a Personas en Situación de Dependencia", "Peluquería", "Electromecánica de Vehículos"),
)
CAMPAIGNS = (
    *("Otoño 2026 · Enfermería", "Matrícula abierta – Madrid", "Farmacia Barcelona", "Remarketing web"),
    *("Cocina: última plaza", "Inglés B2 intensivo", "Becas -20%", "Puertas abiertas noviembre"),
)
ANOMALIES = (
    "Gasto sin leads en campaña Becas -20%: 184,20 € en los últimos 5 días completos sin ningún lead; con su CPL "
    "habitual de 11,40 € se esperaban unos 16.",
    "CTR bajo en campaña Remarketing web: 0,31% en los últimos 3 días completos (mínimo 0,5%).",
    "Presupuesto agotado en campaña Inglés B2 intensivo: ha gastado 99,2% de su presupuesto total.",
    "Entrega parada en campaña Farmacia Barcelona: Meta la da por activa, pero no tiene impresiones desde el 21.",
    "Datos sin actualizar en campaña Cocina: última plaza: la última lectura de Meta es de hace 13 horas (máximo 12).",
)


def headlines(leads: Three, brought: Three, spend: Three, cpl: Three) -> Sequence[Headline]:
    return [
        Headline("Leads", Unit.COUNT, leads),
        Headline("Leads de campañas", Unit.COUNT, brought),
        Headline("Gasto en campañas", Unit.MONEY, spend),
        Headline("Coste por lead de campaña", Unit.MONEY, cpl),
    ]


def three(now: str | None, before: str | None, usual: str | None) -> Three:
    return Three(*(None if one is None else Decimal(one) for one in (now, before, usual)))


def shared(total: int, count: int, random: Random | None = None) -> list[int]:
    """A total in so many parts, as it is shared among campuses: few large ones and many small ones, most first unless
    it is at random."""
    weights = [(random.uniform(0.7, 1.3) if random else 1) / (at + 3) for at in range(count)]
    parts = [int(total * weight / sum(weights)) for weight in weights]
    return [part + (at < total - sum(parts)) for at, part in enumerate(parts)]


def rows(names: Sequence[str], totals: Three, random: Random, spend: Three | None = None) -> list[Row]:
    """With so many leads together, most first, and so much spend, if any."""
    now = shared(int(totals.now or 0), len(names))
    before = shared(int(totals.before or 0), len(names), random)
    quarters = shared(int(4 * (totals.usual or 0)), len(names), random)
    numbers = zip(now, before, quarters, strict=True)
    leads = [Three(Decimal(one), Decimal(last), Decimal(usual) / 4) for one, last, usual in numbers]
    if spend is None:
        return [Row(name, each) for name, each in zip(names, leads, strict=True)]
    paid = [[Decimal(part) / 100 for part in shared(int(100 * (one or 0)), len(names), random)] for one in _all(spend)]
    return [_row(*campaign) for campaign in zip(names, leads, *paid, strict=True)]


def _all(three: Three) -> tuple[Decimal | None, ...]:
    return three.now, three.before, three.usual


def _row(name: str, leads: Three, now: Decimal, before: Decimal, usual: Decimal) -> Row:
    cpl = Cost(now, leads.now).cpl
    return Row(name, leads, now, cpl, before=Cost(before, leads.before), usual=Cost(usual, leads.usual))


def points(until: date, days: int, scale: int = 1, seed: int = 1) -> list[Point]:
    random = Random(seed)
    return [_point(until - timedelta(days=days - 1 - at), random, scale) for at in range(days)]


def _point(day: date, random: Random, scale: int) -> Point:
    usual = 40 if day.weekday() >= 5 else 105
    leads = (usual + random.randint(-18, 18)) * scale
    return Point(day, leads, Decimal(leads * random.randint(650, 1100)) / 100)


def breakdowns(totals: Sequence[Headline], random: Random, times: int = 1) -> list[Breakdown]:
    """Of campuses, courses and campaigns, as the headlines say; some leads came by no campaign."""
    leads, brought, spend, _ = (one.values for one in totals)
    others = Three(*(_less(whole, part) for whole, part in zip(_all(leads), _all(brought), strict=True)))
    campaigns = [*rows(_numbered(CAMPAIGNS, times), brought, random, spend), *rows([""], others, random)]
    return [
        Breakdown("Sedes", rows(_numbered(CAMPUSES, times), leads, random)),
        Breakdown("Cursos", rows(_numbered(COURSES, times), leads, random)),
        Breakdown("Campañas", sorted(campaigns, key=lambda row: -(row.leads.now or 0))),
    ]


def _less(whole: Decimal | None, part: Decimal | None) -> Decimal:
    return (whole or Decimal(0)) - (part or Decimal(0))


def _numbered(names: Sequence[str], times: int) -> list[str]:
    return [f"{name} {at}" if at else name for at in range(times) for name in names]


DAYS_HEADLINES = headlines(
    three("128", "51", "112.25"),
    three("96", "38", "84.75"),
    three("1180.40", "544.10", "1210.75"),
    three("12.30", "14.32", "14.29"),
)


def normal_day() -> Report:
    return Report(
        period=Period.DAY,
        label="2026-11-23",
        since=DAY,
        until=DAY,
        made_at=MADE_AT,
        currency="EUR",
        provisional=True,
        summary=(
            "Ese día llegaron 128 leads, 77 más que el día anterior; por encima de lo habitual ese día de la "
            "semana (112,3).",
            "Las campañas gastaron 1.180,40 € y trajeron 96 leads, a 12,30 € cada uno.",
        ),
        headlines=DAYS_HEADLINES,
        points=[*points(DAY - timedelta(days=1), 27), Point(DAY, 128, Decimal("1180.40"))],
        breakdowns=breakdowns(DAYS_HEADLINES, Random(5)),
        anomalies=ANOMALIES[:2],
        quality=Quality(DAY, failed=2, unknown=0, proven_backup=datetime(2026, 11, 23, 2, 14, tzinfo=UTC)),
    )


def day_with_sources() -> Report:
    """Where the CMS knows where a lead came from, there is one breakdown more."""
    sources = rows(["meta", "google", "web", "referido"], DAYS_HEADLINES[0].values, Random(6))
    return replace(normal_day(), breakdowns=[*normal_day().breakdowns, Breakdown("Origen", sources)])


def empty_day() -> Report:
    nothing, unknown = three("0", "51", "112.25"), three(None, "544.10", "1210.75")
    return replace(
        normal_day(),
        provisional=False,
        summary=(),
        headlines=headlines(nothing, nothing, unknown, three(None, "14.32", "14.29")),
        points=[*points(DAY - timedelta(days=1), 27), Point(DAY, 0, None)],
        breakdowns=[Breakdown(title, ()) for title in ("Sedes", "Cursos", "Campañas")],
        anomalies=(),
        quality=Quality(None, failed=0, unknown=0, proven_backup=None),
    )


def first_day() -> Report:
    """Nothing has ever been counted."""
    nothing, unknown = three("0", None, None), three(None, None, None)
    return replace(
        empty_day(),
        headlines=headlines(nothing, nothing, unknown, unknown),
        points=[Point(DAY - timedelta(days=27 - at), 0, None) for at in range(28)],
    )


def huge_day() -> Report:
    numbers = headlines(
        three("48211", "1204", "39877.75"),
        three("36158", "0", "29712.5"),
        three("1234567.89", "99120.05", "1100321.5"),
        three("34.14", None, "37.03"),
    )
    return replace(
        normal_day(),
        summary=(normal_day().summary[0], "Con " + ", ".join(CAMPUSES) + " y muchas más sedes en todo el país." * 9),
        headlines=numbers,
        points=points(DAY, 28, 400),
        breakdowns=breakdowns(numbers, Random(9), times=22),
        anomalies=ANOMALIES * 8,
        quality=Quality(date(2026, 11, 20), 1301, 77, None, [DAY]),
    )


def week() -> Report:
    return _of_days(Period.WEEK, "2026-W47", points(date(2026, 11, 22), 7))


def month() -> Report:
    missing = [date(2026, 11, at) for at in (3, 4, 9, 12, 20)]
    report = _of_days(Period.MONTH, "2026-11", points(date(2026, 11, 30), 30), times=3)
    return replace(report, provisional=False, quality=replace(report.quality, missing_days=missing))


def _of_days(period: Period, label: str, days: Sequence[Point], times: int = 1) -> Report:
    leads, spend = sum(one.leads for one in days), sum((one.spend or Decimal(0) for one in days), Decimal(0))
    brought = leads * 3 // 4
    numbers = headlines(
        Three(Decimal(leads), Decimal(leads - 31), Decimal(leads) - Decimal("40.25")),
        Three(Decimal(brought), Decimal(brought + 12), Decimal(brought) - Decimal("20.5")),
        Three(spend, spend + 210, spend - 95),
        Three(spend / brought, Decimal("12.81"), Decimal("11.64")),
    )
    return replace(
        normal_day(),
        period=period,
        label=label,
        since=days[0].day,
        until=days[-1].day,
        summary=(
            f"Llegaron {number(leads)} leads, 31 más que en el periodo anterior, en línea con lo habitual.",
            f"Las campañas gastaron {money(spend, 'EUR')}.",
        ),
        headlines=numbers,
        points=days,
        breakdowns=breakdowns(numbers, Random(leads), times),
    )


def named(names: Sequence[str]) -> Report:
    """A day whose campuses, courses, campaigns and sentences all have these names."""
    return replace(
        normal_day(),
        summary=[f"La sede {name} fue la primera." for name in names[:2]],
        breakdowns=[
            Breakdown("Sedes", rows(names, DAYS_HEADLINES[0].values, Random(2))),
            Breakdown("Cursos", rows(names, DAYS_HEADLINES[0].values, Random(3))),
            Breakdown("Campañas", rows(names, DAYS_HEADLINES[1].values, Random(4), DAYS_HEADLINES[2].values)),
        ],
        anomalies=[f"CTR bajo en campaña {name}: 0,31%." for name in names],
    )
