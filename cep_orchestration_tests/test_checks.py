"""What `cep check` says of the settings, for those who would otherwise find out from people who were not reached."""

import pytest

from cep_orchestration.checks import notes
from cep_orchestration.environment import read_settings

SANDBOX = "http://127.0.0.1:3001"
WHATSAPP = {"WHATSAPP_PHONE_ID": "555", "WHATSAPP_ACCESS_TOKEN": "wa-secret"}
TEMPLATES = {"WHATSAPP_TEMPLATE": "nuevo_lead", "WHATSAPP_DIGEST_TEMPLATE": "leads_nuevos"}
MAILCHIMP = {"MAILCHIMP_API_KEY": "mc-secret", "MAILCHIMP_SERVER_PREFIX": "us21"}
HUBSPOT = {"CRM_VENDOR": "hubspot", "HUBSPOT_ACCESS_TOKEN": "hs-secret"}
SALESFORCE = {
    "CRM_VENDOR": "salesforce",
    "SALESFORCE_BASE_URL": "https://cep.my.salesforce.com",
    "SALESFORCE_CLIENT_ID": "id",
    "SALESFORCE_CLIENT_SECRET": "sf-secret",
}
ZOHO = {
    "CRM_VENDOR": "zoho",
    "ZOHO_CLIENT_ID": "id",
    "ZOHO_CLIENT_SECRET": "zo-secret",
    "ZOHO_REFRESH_TOKEN": "zo-secret-2",
}


def _notes(environ: dict[str, str]) -> list[str]:
    return list(notes(read_settings(environ)))


def _note(environ: dict[str, str], title: str) -> str:
    [note] = [note.removeprefix(f"{title}: ") for note in _notes(environ) if note.startswith(f"{title}: ")]
    return note


@pytest.mark.parametrize(
    ("environ", "warned"),
    [
        ({}, False),
        (WHATSAPP, True),
        ({**WHATSAPP, **TEMPLATES}, False),
        (TEMPLATES, False),
        ({"WHATSAPP_BASE_URL": f"{SANDBOX}/whatsapp/v26.0"}, False),
        ({**WHATSAPP, "WHATSAPP_BASE_URL": f"{SANDBOX}/whatsapp/v26.0"}, False),
        ({**WHATSAPP, "WHATSAPP_BASE_URL": "https://proxy.example.org/v26.0"}, True),
    ],
)
def test_free_text_to_the_real_whatsapp_is_warned_of(environ: dict[str, str], warned: bool) -> None:
    warnings = [note for note in _notes(environ) if note.startswith("WARNING: ")]
    assert len(warnings) == warned
    for warning in warnings:
        for part in ("24 hours", "WHATSAPP_TEMPLATE ", "WHATSAPP_DIGEST_TEMPLATE "):
            assert part in warning


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "not configured: skipped"),
        (TEMPLATES, "not configured: skipped"),
        (WHATSAPP, "the real service, in free text"),
        ({**WHATSAPP, **TEMPLATES}, "the real service, templates nuevo_lead and leads_nuevos"),
        ({"WHATSAPP_BASE_URL": f"{SANDBOX}/whatsapp/v26.0"}, "the sandbox, in free text"),
    ],
)
def test_how_advisors_are_written_to_is_told(environ: dict[str, str], said: str) -> None:
    assert _note(environ, "Advisor message (WhatsApp)") == said


@pytest.mark.parametrize(
    ("environ", "vendor", "said"),
    [
        ({}, "none", "not configured: skipped"),
        (HUBSPOT, "hubspot", "the real service"),
        (SALESFORCE, "salesforce", "the real service"),
        (ZOHO, "zoho", "the real service"),
        ({"CRM_VENDOR": "hubspot", "HUBSPOT_BASE_URL": f"{SANDBOX}/hubspot"}, "hubspot", "the sandbox"),
        ({**SALESFORCE, "SALESFORCE_BASE_URL": f"{SANDBOX}/salesforce"}, "salesforce", "the sandbox"),
    ],
)
def test_the_crm_is_that_of_the_chosen_vendor(environ: dict[str, str], vendor: str, said: str) -> None:
    assert _note(environ, f"CRM ({vendor})") == said


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        ({}, ["not configured: skipped"]),
        (MAILCHIMP, ["not configured: skipped", "MAILCHIMP_LIST_ID", "is not"]),
        ({"MAILCHIMP_LIST_ID": "a1"}, ["not configured: skipped", "MAILCHIMP_API_KEY is not"]),
        ({**MAILCHIMP, "MAILCHIMP_LIST_ID": "a1"}, ["the real service, audience a1"]),
        (
            {"MAILCHIMP_BASE_URL": f"{SANDBOX}/mailchimp/3.0", "MAILCHIMP_LIST_ID": "a1"},
            ["the sandbox, audience a1"],
        ),
    ],
)
def test_a_mailing_list_that_is_half_set_is_told(environ: dict[str, str], parts: list[str]) -> None:
    said = _note(environ, "Mailing list (Mailchimp Marketing)")
    assert [part for part in parts if part not in said] == []
    assert said.startswith(parts[0])


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "10 a second, hubspot 9 a second, slack 1 a second; 5 at once"),
        (
            {"HUBSPOT_REQUESTS_PER_SECOND": "10", "SLACK_REQUESTS_PER_SECOND": "0.5"},
            "10 a second, slack 0.5 a second; 5 at once",
        ),
        (
            {"PROVIDER_REQUESTS_PER_SECOND": "0", "PROVIDER_REQUESTS_AT_ONCE": "20"},
            "as often as it goes, hubspot 9 a second, slack 1 a second; 20 at once",
        ),
        (
            {"PROVIDER_REQUESTS_AT_ONCE": "0"},
            "10 a second, hubspot 9 a second, slack 1 a second; any number at once",
        ),
    ],
)
def test_how_often_services_are_called_is_told(environ: dict[str, str], said: str) -> None:
    assert _note(environ, "Calls to each service, by all runs together") == said


HEARTBEAT = {"HEARTBEAT_URL": "https://hc-ping.com/secret"}
SLACK = {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/secret"}
MAIL, OPERATORS = {"SMTP_URL": "smtp://mail.cep.es"}, {"ALERT_EMAIL_OPERATORS": "ana@cep.es"}


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        ({}, ["not set: nobody outside is told"]),
        (SLACK, ["not set: nobody outside is told"]),
        (HEARTBEAT, ["set, but it will never be called", "SLACK_WEBHOOK_URL", "SMTP_URL and ALERT_EMAIL_OPERATORS"]),
        ({**HEARTBEAT, **MAIL}, ["set, but it will never be called"]),
        ({**HEARTBEAT, **OPERATORS}, ["set, but it will never be called"]),
        ({**HEARTBEAT, **SLACK}, ["set: called once a minute"]),
        ({**HEARTBEAT, **MAIL, **OPERATORS}, ["set: called once a minute"]),
    ],
)
def test_whether_somebody_outside_is_called_and_what_keeps_it_from_being_called_is_told(
    environ: dict[str, str], parts: list[str]
) -> None:
    said = _note(environ, "Dead man's switch (HEARTBEAT_URL)")
    assert [part for part in parts if part not in said] == []
    assert said.startswith(parts[0])
    assert "secret" not in said


def test_the_rules_of_leads_are_told() -> None:
    environ = {
        "LEADS_LINGER_SECONDS": "0",
        "LEADS_WHOLE_TABLE_MINUTES": "0.5",
        "LEADS_SURGE_LIMIT": "20000",
        "LEADS_GONE_SECONDS": "30",
        "LEADS_LOOK_UP_SECONDS": "600",
        "CMS_LEADS_URL": "https://cms.example.org/leads",
    }
    said = "\n".join(_notes(environ))
    for part in ("waits 0 s", "every 0.5 min", "more than 20000 new", "after 30 s", "after 600 s"):
        assert part in said
    assert "Link to the leads in the CMS: https://cms.example.org/leads" in said
    assert "CMS_LEADS_URL" in _note({}, "Link to the leads in the CMS")


def test_no_note_holds_a_secret() -> None:
    for environ in ({**WHATSAPP, **MAILCHIMP, **HUBSPOT}, SALESFORCE, ZOHO):
        assert "secret" not in "\n".join(_notes({**environ, "SLACK_WEBHOOK_URL": "https://hooks.slack.com/secret"}))
