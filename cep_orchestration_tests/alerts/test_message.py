"""What people read of an alert in Slack and by mail: what happened, since when, what it means, what to do, where."""

import re
from dataclasses import replace
from pathlib import Path

from cep_orchestration.alert_ports import Severity
from cep_orchestration.composition import campaign_services
from cep_orchestration.environment import read_settings
from cep_orchestration.lead_composition import lead_services
from cep_orchestration.leads.model import Pause, State
from cep_orchestration.leads.words import delivery_alert, look_up_alert, paused_alert, restored_alert, surge_alert
from cep_orchestration_tests.alerts.alerting import OTHER, TROUBLE, see
from cep_orchestration_tests.clients.mail_servers import sandbox_with_mail
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.providers import Remote

LINES = [
    r"Desde el \d\d/\d\d/\d{4} a las \d\d:\d\d, hora de Madrid\.",
    r"Qué significa: No sale nada\.",
    r"Qué hacer: Revise la clave\.",
    r"Véalo en http://127\.0\.0\.1:3000/runs/run-7",
    r"Huella \(para silence_alert\): leads/email",
]


def environment(cms: DemoCms, base: str, smtp: str) -> dict[str, str]:
    return {
        "CMS_DATABASE_URL": cms.engine.url.render_as_string(hide_password=False),
        "SANDBOX_PORT": base.rpartition(":")[2],
        "SLACK_WEBHOOK_URL": f"{base}/slack/alerts",
        "SMTP_URL": smtp,
        "ALERT_EMAIL_OPERATORS": "operadores@cep.example",
    }


def test_an_alert_says_all_in_slack_and_by_mail_and_links_to_the_run_that_saw_it(cms: DemoCms, tmp_path: Path) -> None:
    with sandbox_with_mail(tmp_path) as sandbox:
        settings = read_settings(environment(cms, sandbox.base, sandbox.smtp))
        alerts = lead_services(settings, "run-7").alerts
        alerts.raise_alert(TROUBLE)
        alerts.tell()
        [told], [mail] = (Remote(sandbox.base).sent(kind) for kind in ("alert", "mail"))
    assert told["body"].splitlines()[0] == "🔴 *El canal espera*"
    assert mail["title"] == "[HIGH] El canal espera"
    assert "Gravedad: alta." in mail["body"]
    for body in (told["body"], mail["body"]):
        assert re.search("\n+".join(LINES), body), body
    assert campaign_services(settings, "run-8").alerts, "those of the campaigns are the same"


def test_every_alert_of_the_leads_says_what_it_means() -> None:
    alerts = [
        delivery_alert("crm_contact", State.DEAD, ["500"]),
        delivery_alert("crm_contact", State.UNKNOWN, ["no answer in time"]),
        paused_alert("crm_contact", Pause.OUTAGE, "503"),
        look_up_alert("confirmation_email", "blind"),
        surge_alert(1_001),
        restored_alert(""),
    ]
    assert all(alert.means.endswith(".") for alert in alerts)


def test_an_alert_that_does_not_say_what_it_means_says_what_its_severity_does(cms: DemoCms, tmp_path: Path) -> None:
    with sandbox_with_mail(tmp_path) as sandbox:
        alerts = lead_services(read_settings(environment(cms, sandbox.base, sandbox.smtp))).alerts
        see(alerts, replace(TROUBLE, severity=Severity.CRITICAL, means=""))  # type: ignore[arg-type]  # it is a book
        [told] = Remote(sandbox.base).sent("alert")
    assert "Qué significa: Hay datos o personas en juego; actúe ahora." in told["body"]
    assert "Véalo en http://127.0.0.1:3000\n" in told["body"], "where no run saw it"


def test_when_slack_is_down_an_alert_is_mailed_that_would_not_be_otherwise(cms: DemoCms, tmp_path: Path) -> None:
    with sandbox_with_mail(tmp_path) as sandbox:
        remote = Remote(sandbox.base)
        alerts = lead_services(read_settings(environment(cms, sandbox.base, sandbox.smtp))).alerts
        remote.fault("slack", status=503)
        alerts.raise_alert(OTHER)
        alerts.tell()
        assert [mail["title"] for mail in remote.sent("mail")] == ["[MEDIUM] Otro aviso"]
        assert remote.sent("alert") == []


def test_when_mail_is_down_slack_has_the_alert(cms: DemoCms, sandbox: str) -> None:
    nobody = f"smtp://127.0.0.1:{free_port()}"
    alerts = lead_services(read_settings(environment(cms, sandbox, nobody))).alerts
    alerts.raise_alert(TROUBLE)
    alerts.tell()
    assert [told["title"] for told in Remote(sandbox).sent("alert")] == ["🔴 *El canal espera*"]
