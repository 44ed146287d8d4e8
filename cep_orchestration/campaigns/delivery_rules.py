"""The anomaly rules about delivery and money: each says in one Spanish sentence what is wrong, or None."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from math import ceil, isfinite

from cep_orchestration.amounts import (
    counted,
    day,
    limit,
    money,
    number,
    percent_above,
    percent_below,
    printable,
)
from cep_orchestration.campaigns.history import Day, History
from cep_orchestration.settings import CampaignThresholds

DAYS_OF_A_WEEK = 7


def stale_data(history: History, thresholds: CampaignThresholds) -> str | None:
    if history.hours_since_read <= thresholds.stale_hours:
        return None
    hours, most = history.hours_since_read, number(int(thresholds.stale_hours))
    age = f"es de hace {number(ceil(hours))} horas (máximo {most})" if isfinite(hours) else "aún no ha llegado"
    return (
        f"Datos sin actualizar en campaña {printable(history.name)}: la última lectura de Meta {age}; "
        "mientras tanto no se comprueba nada más."
    )


def low_ctr(history: History, thresholds: CampaignThresholds) -> str | None:
    recent = history.completed(thresholds.recent_days)
    impressions, clicks = sum(one.impressions for one in recent), sum(one.clicks for one in recent)
    if impressions < max(1, thresholds.ctr_least_impressions):
        return None
    if 100 * clicks >= thresholds.least_ctr_percent * impressions:
        return None
    return (
        f"CTR bajo en campaña {printable(history.name)}: {percent_below(clicks, impressions, 2)} en los últimos "
        f"{thresholds.recent_days} días completos ({counted(clicks, 'clic', 'clics')} de {number(impressions)} "
        f"impresiones; mínimo {limit(thresholds.least_ctr_percent)})."
    )


def exhausted_budget(history: History, _: CampaignThresholds) -> str | None:
    """From the planned last day on, all of it may be spent, but no more than that."""
    at_its_end = history.stops_on is not None and history.stops_on <= history.today
    for spent, budget, whose in _spent_budgets(history):
        if spent > budget or not at_its_end:
            return (
                f"Presupuesto agotado en campaña {printable(history.name)}: ha gastado "
                f"{money(spent, history.currency)} de los {money(budget, history.currency)} del presupuesto {whose}."
            )
    return None


def _spent_budgets(history: History) -> Iterator[tuple[Decimal, Decimal, str]]:
    """What was spent, the budget that this uses up, and whose it is."""
    spent = history.lifetime_spend
    if spent is None:
        spent = sum((one.spend for one in history.days), Decimal(0))
    for budget, whose in ((history.budget, "del CMS"), (history.lifetime_budget, "total de Meta")):
        if budget and 0 < budget <= spent:
            yield spent, budget, whose


def fast_spend(history: History, thresholds: CampaignThresholds) -> str | None:
    """Weeks are Meta's, Sunday to Saturday: on a day it may spend more (25 % by its documentation, lately up to 75 %),
    in such a week no more than seven daily budgets; seven days that begin elsewhere may rightly have more.

    https://developers.facebook.com/documentation/ads-commerce/marketing-api/bidding/overview/budgets
    Days and weeks that began under another daily budget say nothing of this one.
    """
    budget = history.daily_budget
    if not budget or budget <= 0:
        return None
    for words, since, days, spent in _spans(history):
        most = thresholds.pace_day_percent if days == 1 else thresholds.pace_week_percent
        if 100 * spent > most * days * budget and (history.daily_budget_since or since) <= since:
            planned = money(budget, history.currency) + (f" por {days} días" if days > 1 else "")
            return (
                f"Ritmo de gasto alto en campaña {printable(history.name)}: {words} ha gastado "
                f"{money(spent, history.currency)}, el {percent_above(spent, days * budget, 1)} de su presupuesto "
                f"diario ({planned}; máximo {limit(most)})."
            )
    return None


def _spans(history: History) -> Iterator[tuple[str, date, int, Decimal]]:
    """What is compared with the daily budget: how it is called, its first day, how many days it has, what was spent."""
    today = history.today
    yesterday, sunday = today - timedelta(days=1), today - timedelta(days=(today.weekday() + 1) % DAYS_OF_A_WEEK)
    last_sunday = sunday - timedelta(days=DAYS_OF_A_WEEK)
    yield "hoy", today, 1, _spent(history, today, today)
    yield "ayer", yesterday, 1, _spent(history, yesterday, yesterday)
    yield f"desde el domingo {day(sunday)}", sunday, DAYS_OF_A_WEEK, _spent(history, sunday, today)
    spent = _spent(history, last_sunday, sunday - timedelta(days=1))
    yield f"en la semana del domingo {day(last_sunday)}", last_sunday, DAYS_OF_A_WEEK, spent


def _spent(history: History, first: date, last: date) -> Decimal:
    newest = history.days[-2 * DAYS_OF_A_WEEK :]
    return sum((one.spend for one in newest if first <= one.day <= last), Decimal(0))


def stopped_delivery(history: History, thresholds: CampaignThresholds) -> str | None:
    """No impressions for longer than at any time in the weeks before, so that one that rests on Sundays is not stopped.

    Nothing is expected of one that the ad service does not deliver, that is at its end, or whose budget is spent.
    """
    if not history.delivering or history.now().impressions or any(_spent_budgets(history)):
        return None
    if history.stops_on is not None and history.stops_on < history.today:
        return None
    silent = _silent_days(history.completed(len(history.days)))
    before = history.completed(thresholds.baseline_days, before=silent)
    recent = before[-thresholds.recent_days :]
    usual = sum(one.impressions for one in recent) // max(1, len(recent))
    is_steady = len(recent) == thresholds.recent_days and usual >= thresholds.stopped_least_impressions_a_day
    if not is_steady or silent <= _longest_silence(before):
        return None
    last = before[-1].day
    return (
        f"Entrega parada en campaña {printable(history.name)}: Meta la da por activa, pero no tiene impresiones desde "
        f"el {day(last)} ({counted(silent, 'día completo', 'días completos')} sin ninguna; antes, unas {number(usual)} "
        "al día)."
    )


def _silent_days(days: Sequence[Day]) -> int:
    """How many of the newest days are without impressions."""
    return next((age for age, one in enumerate(reversed(days)) if one.impressions), len(days))


def _longest_silence(days: Sequence[Day]) -> int:
    longest = silence = 0
    for one in days:
        silence = 0 if one.impressions else silence + 1
        longest = max(longest, silence)
    return longest
