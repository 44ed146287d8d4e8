"""What happened, in a sentence or two of Spanish."""

from collections.abc import Sequence
from decimal import Decimal

from cep_orchestration.amounts import counted, money, number
from cep_orchestration.stats.report import Headline, Period, Three

WHEN = {Period.DAY: "Ese día", Period.WEEK: "En la semana", Period.MONTH: "En el mes"}
BEFORE = {Period.DAY: "el día anterior", Period.WEEK: "la semana anterior", Period.MONTH: "el mes anterior"}
USUALLY = {
    Period.DAY: "lo habitual ese día de la semana",
    Period.WEEK: "la media de las últimas semanas",
    Period.MONTH: "la media de los últimos meses",
}
AS_USUAL_SHARE = Decimal("0.1")
"""Less than this share away from the usual is as usual."""


def summary_of(kind: Period, headlines: Sequence[Headline], currency: str) -> list[str]:
    """`headlines`: leads, leads of campaigns, spend, cost a lead, in this order; nothing is said of others."""
    leads, brought, spend, cpl = (headline.values for headline in headlines[:4])
    sentences = [_leads(kind, leads)]
    if spend.now:
        sentences.append(_spend(spend.now, brought.now or Decimal(0), cpl, currency))
    return sentences


def _leads(kind: Period, leads: Three) -> str:
    now = leads.now or Decimal(0)
    came = f"{WHEN[kind]} {_came(int(now))}"
    if leads.before is not None:
        came += f", {_difference(now, leads.before)} que {BEFORE[kind]}"
    return f"{came}; {_usual(kind, now, leads.usual)}." if leads.usual is not None else f"{came}."


def _came(leads: int) -> str:
    if not leads:
        return "no llegó ningún lead"
    return f"{'llegó' if leads == 1 else 'llegaron'} {counted(leads, 'lead', 'leads')}"


def _difference(now: Decimal, before: Decimal) -> str:
    if now == before:
        return "los mismos" if now > 1 else "igual"
    return f"{number(abs(now - before))} {'más' if now > before else 'menos'}"


def _usual(kind: Period, now: Decimal, usual: Decimal) -> str:
    if abs(now - usual) <= AS_USUAL_SHARE * usual:
        return f"en línea con {USUALLY[kind]} ({number(usual, 1)})"
    return f"{'por encima de' if now > usual else 'por debajo de'} {USUALLY[kind]} ({number(usual, 1)})"


def _spend(spend: Decimal, brought: Decimal, cpl: Three, currency: str) -> str:
    spent = f"Las campañas gastaron {money(spend, currency)}"
    if not brought:
        return f"{spent} y no trajeron ningún lead."
    each = f"{spent} y trajeron {counted(int(brought), 'lead', 'leads')}"
    if cpl.now is None or brought == 1:
        return f"{each}."
    return f"{each}, a {money(cpl.now, currency)} cada uno."
