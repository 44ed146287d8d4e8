"""The environment becomes settings; every fault is one sentence that names the variable."""

import re
from pathlib import Path

import pytest

from cep_orchestration.environment import read_settings, setting_names
from cep_orchestration.failures import SettingError
from cep_orchestration.settings import PROJECT, mixing_faults

SANDBOX = "http://127.0.0.1:3001"


def test_an_empty_environment_is_a_good_one_with_nothing_configured() -> None:
    settings = read_settings({})
    assert settings.providers() == []
    assert settings.ports.ui == 3000
    assert settings.backups.bucket == "cep-backups"
    assert settings.report_recipients == ("gestion@cep.es",)


def test_an_empty_value_is_as_good_as_none() -> None:
    assert read_settings({"UI_PORT": "", "CMS_DATABASE_URL": " "}) == read_settings({})


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"UI_PORT": "http"}, "UI_PORT"),
        ({"S3_PORT": "65533"}, "S3_PORT"),
        ({"UI_PORT": "65536"}, "UI_PORT"),
        ({"UI_PORT": "²"}, "UI_PORT"),
        ({"MAILCHIMP_BASE_URL": "https://x.example", "MAILCHIMP_SERVER_PREFIX": "us1"}, "MAILCHIMP_API_KEY"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
        ({"CRM_VENDOR": "pipedrive"}, "CRM_VENDOR"),
        ({"CRM_VENDOR": "hubspot"}, "HUBSPOT_ACCESS_TOKEN"),
        ({"HUBSPOT_ACCESS_TOKEN": "x"}, "CRM_VENDOR"),
        ({"UI_HOSTS": "https://dagster.cep.es/"}, "UI_HOSTS"),
        ({"WHATSAPP_PHONE_ID": "1"}, "WHATSAPP_ACCESS_TOKEN"),
        ({"WHATSAPP_ACCESS_TOKEN": "x"}, "WHATSAPP_PHONE_ID"),
        ({"MAILCHIMP_API_KEY": "x"}, "MAILCHIMP_SERVER_PREFIX"),
        ({"META_ACCESS_TOKEN": "x"}, "META_AD_ACCOUNT_ID"),
        ({"WHATSAPP_BASE_URL": "graph.facebook.com"}, "WHATSAPP_BASE_URL"),
        ({"MAILCHIMP_TRANSACTIONAL_BASE_URL": "http://host:port/"}, "MAILCHIMP_TRANSACTIONAL_BASE_URL"),
        ({"SLACK_WEBHOOK_URL": "hooks.slack.com/x"}, "SLACK_WEBHOOK_URL"),
        ({"SMTP_URL": "http://mail"}, "SMTP_URL"),
        ({"ALERT_EMAIL_OPERATORS": "ana, luis@cep.es"}, "ALERT_EMAIL_OPERATORS"),
        ({"S3_ACCESS_KEY_ID": "x"}, "S3_SECRET_ACCESS_KEY"),
        ({"S3_ENDPOINT_URL": "http://s3.example"}, "S3_ACCESS_KEY_ID"),
        ({"CMS_VIEWS_FILE": "/nowhere/views.sql"}, "CMS_VIEWS_FILE"),
        ({"DISK_HIGH_PERCENT": "95"}, "DISK_CRITICAL_PERCENT"),
        ({"DISK_CRITICAL_PERCENT": "70"}, "DISK_HIGH_PERCENT,"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingError) as error:
        read_settings(environ)
    sentences = str(error.value).splitlines()
    assert any(sentence.startswith(named) or f" {named} " in sentence for sentence in sentences)
    assert all(sentence.endswith(".") for sentence in sentences)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SettingError) as error:
        read_settings({"UI_PORT": "x", "LOG_LEVEL": "x", "SMTP_URL": "x"})
    assert len(str(error.value).splitlines()) == 3


def test_a_fault_never_shows_a_secret() -> None:
    with pytest.raises(SettingError) as error:
        read_settings({"WHATSAPP_ACCESS_TOKEN": "EAAG-secret", "SMTP_URL": "ftp://user:hunter2@mail"})
    assert "EAAG-secret" not in str(error.value)
    assert "hunter2" not in str(error.value)


def test_the_sandbox_needs_its_address_and_nothing_else() -> None:
    settings = read_settings({"WHATSAPP_BASE_URL": f"{SANDBOX}/whatsapp/v26.0"})
    assert settings.whatsapp is not None
    assert settings.is_sandbox(settings.whatsapp)


def test_a_real_address_without_a_credential_is_not_configured() -> None:
    assert read_settings({"WHATSAPP_BASE_URL": "https://graph.facebook.com/v26.0"}).whatsapp is None


def test_the_demo_is_refused_beside_each_real_provider() -> None:
    settings = read_settings(
        {
            "MAILCHIMP_TRANSACTIONAL_API_KEY": "x",
            "WHATSAPP_BASE_URL": f"{SANDBOX}/whatsapp/v26.0",
            "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/x",
            "SMTP_URL": "smtp://mail.cep.es",
        }
    )
    faults = mixing_faults(settings, demo=True)
    assert [fault.partition(" is ")[0] for fault in faults] == ["Mailchimp Transactional", "Slack", "SMTP"]
    assert mixing_faults(settings, demo=False) == []


def test_env_example_lists_every_setting_once_with_a_line_of_meaning() -> None:
    lines = Path(PROJECT / ".env.example").read_text(encoding="utf-8").splitlines()
    listed = [match[1] for line in lines if (match := re.match(r"#?([A-Z0-9_]+)=\S*\s+# \S", line))]
    assert sorted(listed) == sorted(setting_names())


def test_env_example_is_itself_a_good_environment() -> None:
    lines = Path(PROJECT / ".env.example").read_text(encoding="utf-8").splitlines()
    given = {m[1]: m[2].partition("#")[0].strip() for line in lines if (m := re.match(r"([A-Z0-9_]+)=(.*)", line))}
    assert read_settings(given) == read_settings({})
