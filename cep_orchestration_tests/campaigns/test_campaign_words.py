"""What marketing reads of an anomaly: what it means for that rule, and for no other."""

from cep_orchestration.alert_ports import Severity
from cep_orchestration.campaigns.anomalies import RULES
from cep_orchestration.campaigns.history import Anomaly
from cep_orchestration.campaigns.words import STALE, anomaly_alert


def test_each_kind_of_anomaly_says_in_its_own_words_what_it_means() -> None:
    told = {
        rule.name: anomaly_alert(Anomaly(rule.name, "1", "11", Severity.HIGH, "Pasa algo.")).means for rule in RULES
    }
    assert told.pop(STALE) == "", "it has an alert of its own, for all campaigns"
    assert len(set(told.values()) - {""}) == len(RULES) - 1
    assert "presupuesto" in told["budget_is_left"]
