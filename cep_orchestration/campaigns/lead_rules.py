"""The anomaly rules about leads: each says in one Spanish sentence what is wrong, or None. Pure functions.

A campaign's leads in a time are those that Meta counts or those that the CMS got with it, whichever is more: where one
of the two loses them, `leads_apart` says so, and the others stay silent.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import dropwhile

from cep_orchestration.amounts import counted, money, number, printable
from cep_orchestration.campaigns import chance
from cep_orchestration.campaigns.history import Day, History
from cep_orchestration.settings import CampaignThresholds


def spend_without_leads(history: History, thresholds: CampaignThresholds) -> str | None:
    """No lead since some days, today included, though what was spent lets expect more than chance explains.

    Expected: spend / the campaign's own CPL of the weeks before the last lead; Poisson, or clumped as its days were.
    All days without leads count, so that it stays found while the days before it fall out of sight.
    """
    silent = _days_without_leads(history)
    recent = history.completed(silent)
    baseline = history.completed(thresholds.baseline_days, before=silent)
    if silent < thresholds.no_leads_least_days or _spend(history.completed(thresholds.recent_days)) <= 0:
        return None
    cpl, whose = _usual_cpl(baseline, thresholds)
    if cpl <= 0:
        return None
    recent = tuple(dropwhile(lambda one: one.spend <= 0, recent))
    spent = _spend(recent)
    expected = float(spent / cpl)
    if chance.zero(expected, _dispersion(baseline)) >= thresholds.no_leads_chance:
        return None
    return (
        f"Gasto sin leads en campaña {printable(history.name)}: {money(spent, history.currency)} en los últimos "
        f"{number(len(recent))} días completos sin ningún lead; con {whose} de {money(cpl, history.currency)} se "
        f"esperaban unos {number(int(expected))}."
    )


def _days_without_leads(history: History) -> int:
    """The completed days since the last lead; none if there was one today."""
    if _leads((history.now(),)):
        return 0
    days = history.completed(len(history.days))
    return next((age for age, one in enumerate(reversed(days)) if _leads((one,))), len(days))


def _usual_cpl(baseline: Sequence[Day], thresholds: CampaignThresholds) -> tuple[Decimal, str]:
    """Of the campaign itself; few leads say little, and never that leads are cheaper than the reference."""
    leads = _leads(baseline)
    own = _spend(baseline) / leads if leads else Decimal(0)
    if leads >= thresholds.cpl_least_baseline_leads or own > thresholds.reference_cpl:
        return own, "su CPL habitual"
    return thresholds.reference_cpl, "un CPL de referencia"


def high_cpl(history: History, thresholds: CampaignThresholds) -> str | None:
    """The last days' CPL is a multiple of that of the weeks before, and by more than chance.

    The test: once the sum of both times' leads is known, those of the last days are beta-binomial around their share
    of the spend, with the dispersion of the weeks before. Few leads or clumped ones make it weak, and rightly so; hence
    the second look, at twice as many days, which sees in smaller campaigns what the first cannot.
    What costs more for weeks becomes the usual: then it is no anomaly any more. Without leads there is no CPL either:
    `spend_without_leads` sees to that.
    """
    if not _leads(history.completed(thresholds.recent_days)):
        return None
    for days in (thresholds.recent_days, 2 * thresholds.recent_days):
        recent = history.completed(days)
        baseline = history.completed(thresholds.baseline_days, before=days)
        if _costs_more(recent, baseline, thresholds):
            return (
                f"CPL alto en campaña {printable(history.name)}: {_cpl_in_words(recent, history)} en los últimos "
                f"{days} días completos, frente a {_cpl_in_words(baseline, history)} en los {len(baseline)} anteriores."
            )
    return None


def _costs_more(recent: Sequence[Day], baseline: Sequence[Day], thresholds: CampaignThresholds) -> bool:
    leads, usual_leads = _leads(recent), _leads(baseline)
    spent, usual_spent = _spend(recent), _spend(baseline)
    if not _says_enough(baseline, thresholds) or spent <= 0:
        return False
    if spent * usual_leads < thresholds.cpl_least_expected_leads * usual_spent:
        return False
    if 100 * spent * usual_leads < thresholds.cpl_percent * usual_spent * leads:
        return False
    share = float(spent / (spent + usual_spent))
    return chance.at_most(leads, leads + usual_leads, share, _dispersion(baseline)) < thresholds.cpl_chance


def _cpl_in_words(days: Sequence[Day], history: History) -> str:
    leads = _leads(days)
    return f"{money(_spend(days) / leads, history.currency)} ({counted(leads, 'lead', 'leads')})"


def _says_enough(baseline: Sequence[Day], thresholds: CampaignThresholds) -> bool:
    days = sum(1 for one in baseline if one.spend > 0)
    return days >= thresholds.cpl_least_baseline_days and _leads(baseline) >= thresholds.cpl_least_baseline_leads


def leads_apart(history: History, thresholds: CampaignThresholds) -> str | None:
    """One count is a multiple of the other, and by more than chance: once their sum is known, each is binomial around
    one half of it.

    The second look, at the weeks before too, sees it in campaigns with few leads, while the last days still differ.
    A CMS that gives no lead a campaign has no count to compare.
    """
    if not history.leads_are_mapped:
        return None
    recent = history.completed(thresholds.recent_days)
    for days in (recent, history.completed(thresholds.baseline_days)):
        ours, metas = _both_counts(days)
        if _differ(recent, thresholds) and _differ_by_more_than_chance(ours, metas, thresholds):
            return (
                f"Los leads no cuadran en campaña {printable(history.name)}: Meta cuenta {number(metas)} y nuestra web "
                f"{number(ours)} en los últimos {number(len(days))} días completos."
            )
    return None


def _both_counts(days: Sequence[Day]) -> tuple[int, int]:
    return sum(one.own_leads for one in days), sum(one.meta_leads for one in days)


def _differ(days: Sequence[Day], thresholds: CampaignThresholds) -> bool:
    less, more = sorted(_both_counts(days))
    return more > 0 and 100 * more >= thresholds.gap_percent * less


def _differ_by_more_than_chance(ours: int, metas: int, thresholds: CampaignThresholds) -> bool:
    less, more = sorted((ours, metas))
    if more < thresholds.gap_least_leads or 100 * more < thresholds.gap_percent * less:
        return False
    return 2 * chance.at_most(less, less + more, 0.5) < thresholds.gap_chance


def _leads(days: Sequence[Day]) -> int:
    return max(sum(one.meta_leads for one in days), sum(one.own_leads for one in days))


def _spend(days: Sequence[Day]) -> Decimal:
    return sum((one.spend for one in days), Decimal(0))


def _dispersion(days: Sequence[Day]) -> float:
    metas, ours = [one.meta_leads for one in days], [one.own_leads for one in days]
    return chance.dispersion(max(metas, ours, key=sum), [float(one.spend) for one in days])
