"""The anomaly rules as a table, and what they find in a campaign's history. A new rule is a function and a row here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cep_orchestration.alert_ports import Severity
from cep_orchestration.campaigns.delivery_rules import (
    exhausted_budget,
    fast_spend,
    low_ctr,
    stale_data,
    stopped_delivery,
)
from cep_orchestration.campaigns.history import Anomaly, History
from cep_orchestration.campaigns.lead_rules import high_cpl, leads_apart, spend_without_leads
from cep_orchestration.settings import CampaignThresholds


@dataclass(frozen=True)
class Rule:
    """What must hold for every campaign. `promise`: the same in Spanish, for the UI; `find`: a Spanish sentence on why
    it does not hold, or None; `mutes`: while it does not hold, no other rule of that campaign is looked at."""

    name: str
    severity: Severity
    promise: str
    find: Callable[[History, CampaignThresholds], str | None]
    mutes: bool = False


RULES: Sequence[Rule] = (
    Rule(
        "data_is_fresh",
        Severity.MEDIUM,
        "Las cifras de la campaña se han leído de Meta hace pocas horas; si no, no se comprueba nada más de ella.",
        stale_data,
        mutes=True,
    ),
    Rule(
        "budget_is_left",
        Severity.HIGH,
        "La campaña no ha agotado el presupuesto del CMS ni el presupuesto total de Meta antes de su último día.",
        exhausted_budget,
    ),
    Rule(
        "delivery_goes_on",
        Severity.HIGH,
        "La campaña que Meta da por activa, con presupuesto y sin terminar, sigue teniendo impresiones.",
        stopped_delivery,
    ),
    Rule(
        "spend_brings_leads",
        Severity.HIGH,
        "No se gasta sin recibir leads más tiempo del que explica el azar, según el CPL habitual de la campaña.",
        spend_without_leads,
    ),
    Rule(
        "pace_is_kept",
        Severity.MEDIUM,
        "El gasto de hoy, de ayer y de la semana (de domingo a sábado, como en Meta) respeta el presupuesto diario.",
        fast_spend,
    ),
    Rule(
        "cpl_is_usual",
        Severity.MEDIUM,
        "El coste por lead de los últimos días completos no supera claramente el de las semanas anteriores.",
        high_cpl,
    ),
    Rule(
        "ctr_is_enough",
        Severity.MEDIUM,
        "El CTR de los últimos días completos llega al mínimo, cuando hay suficientes impresiones.",
        low_ctr,
    ),
    Rule(
        "leads_agree",
        Severity.MEDIUM,
        "Los leads que cuenta Meta y los que llegan a nuestra web son los mismos, salvo pequeñas diferencias; se "
        "comprueba desde que el CMS dice de algún lead con qué campaña llegó.",
        leads_apart,
    ),
)


def anomalies(history: History, thresholds: CampaignThresholds) -> list[Anomaly]:
    """What does not hold for a campaign, in the order of the rules."""
    found: list[Anomaly] = []
    for rule in RULES:
        if sentence := rule.find(history, thresholds):
            found.append(Anomaly(rule.name, history.campaign_id, history.meta_campaign_id, rule.severity, sentence))
            if rule.mutes:
                break
    return found
