"""What `cep up` embeds and what it leaves to the environment; demo and real never mix."""

import stat
from pathlib import Path

import pytest

from cep_orchestration.failures import SettingError
from cep_orchestration.local.parts import advertises
from cep_orchestration.local.plan import Plan, Secrets, load_secrets, make_plan

KEYS = Secrets("pass word/1", "key", "secret")
REAL_CMS = {"CMS_DATABASE_URL": "postgresql://cep:x@db.cep.es/cms"}


def plan(**environ: str) -> Plan:
    return make_plan(environ, KEYS)


def test_an_empty_environment_embeds_everything_with_the_demo() -> None:
    made = plan()
    assert made.demo
    assert made.embeds_postgres
    assert made.embeds_object_storage
    assert made.runs_sandbox
    assert {provider.name for provider in made.settings.providers()} == {
        "Mailchimp Transactional",
        "Mailchimp Marketing",
        "WhatsApp",
        "HubSpot",
        "Meta Ads",
        "Slack",
    }
    assert all(map(made.settings.is_sandbox, made.settings.providers()))


@pytest.mark.parametrize(
    ("vendor", "name"), [("hubspot", "HubSpot"), ("salesforce", "Salesforce"), ("zoho", "Zoho"), (" Zoho ", "Zoho")]
)
def test_the_demo_meets_the_sandbox_as_the_crm_that_is_chosen(vendor: str, name: str) -> None:
    settings = plan(CRM_VENDOR=vendor).settings
    assert settings.crm is not None
    assert (settings.crm.name, settings.crm.credential) == (name, "sandbox")
    assert settings.is_sandbox(settings.crm)
    assert [one.name for one in settings.providers() if one.name in ("HubSpot", "Salesforce", "Zoho")] == [name]


def test_the_sandbox_gives_the_demos_zoho_its_tokens() -> None:
    zoho = plan(CRM_VENDOR="zoho", SANDBOX_PORT="4001").settings.zoho
    assert zoho is not None
    assert zoho.base_url == zoho.more["ZOHO_ACCOUNTS_URL"] == "http://127.0.0.1:4001/zoho"


def test_the_demos_ad_account_is_the_sandboxs() -> None:
    made = plan(SANDBOX_PORT="4001")
    assert made.settings.meta is not None
    assert made.settings.meta.base_url == "http://127.0.0.1:4001/meta/v26.0"
    assert (made.settings.meta.credential, made.settings.meta.account) == ("sandbox", "sandbox")
    assert advertises(made)
    named_sandbox = {"META_BASE_URL": "http://localhost:3001/meta/v26.0"}
    assert not advertises(make_plan(REAL_CMS | named_sandbox, KEYS))


def test_the_demo_without_a_crm_has_none() -> None:
    assert plan(CRM_VENDOR="none").settings.crm is None


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce", "zoho"])
def test_beside_a_real_cms_a_chosen_crm_needs_its_credential(vendor: str) -> None:
    with pytest.raises(SettingError, match=f"CRM_VENDOR is {vendor}, but .* is missing"):
        make_plan(REAL_CMS | {"CRM_VENDOR": vendor}, KEYS)


@pytest.mark.parametrize(
    "real",
    [
        {"CRM_VENDOR": "salesforce", "SALESFORCE_CLIENT_SECRET": "x", "SALESFORCE_CLIENT_ID": "y"},
        {"CRM_VENDOR": "zoho", "ZOHO_CLIENT_SECRET": "x", "ZOHO_CLIENT_ID": "y", "ZOHO_REFRESH_TOKEN": "z"},
    ],
    ids=lambda real: real["CRM_VENDOR"],
)
def test_the_demo_refuses_to_start_beside_a_real_crm(real: dict[str, str]) -> None:
    address = {"SALESFORCE_BASE_URL": "https://cep.my.salesforce.com"}
    with pytest.raises(SettingError, match="is configured with a real address while the CMS is the demo"):
        plan(**real, **(address if real["CRM_VENDOR"] == "salesforce" else {}))


def test_a_crm_that_does_not_exist_is_a_fault_in_the_demo_too() -> None:
    with pytest.raises(SettingError, match="CRM_VENDOR is 'sap'"):
        plan(CRM_VENDOR="sap")


def test_beside_a_real_cms_a_provider_without_settings_is_left_out_and_never_the_sandbox() -> None:
    made = make_plan(REAL_CMS, KEYS)
    assert not made.demo
    assert made.settings.providers() == []
    assert not made.runs_sandbox


def test_beside_a_real_cms_the_sandbox_is_used_where_an_address_names_it() -> None:
    made = make_plan(REAL_CMS | {"WHATSAPP_BASE_URL": "http://localhost:3001/whatsapp/v26.0"}, KEYS)
    assert [provider.name for provider in made.settings.providers()] == ["WhatsApp"]
    assert made.runs_sandbox


def test_the_demo_refuses_to_start_beside_a_real_provider() -> None:
    with pytest.raises(SettingError, match="Mailchimp Transactional is configured with a real address"):
        plan(MAILCHIMP_TRANSACTIONAL_API_KEY="md-real")


def test_postgres_is_embedded_for_dagster_alone_beside_a_real_cms() -> None:
    made = make_plan(REAL_CMS, KEYS)
    assert made.embeds_postgres
    assert made.environ["CMS_DATABASE_URL"] == REAL_CMS["CMS_DATABASE_URL"]
    assert made.environ["DAGSTER_DATABASE_URL"].endswith("@127.0.0.1:5442/dagster")


def test_nothing_is_embedded_when_the_environment_names_all() -> None:
    made = make_plan(
        REAL_CMS
        | {
            "DAGSTER_DATABASE_URL": "postgresql://d:x@db.cep.es/dagster",
            "S3_ACCESS_KEY_ID": "AKIA",
            "S3_SECRET_ACCESS_KEY": "y",
        },
        KEYS,
    )
    assert [made.embeds_postgres, made.embeds_object_storage, made.runs_sandbox] == [False, False, False]
    assert made.environ["DAGSTER_DATABASE_URL"] == "postgresql+psycopg2://d:x@db.cep.es/dagster"
    assert made.object_storage.access_key_id == "AKIA"


def test_files_named_relatively_are_found_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "views.sql").touch()
    made = make_plan(REAL_CMS | {"CMS_VIEWS_FILE": "views.sql", "MEDIA_DIR": "media"}, KEYS)
    assert made.environ["CMS_VIEWS_FILE"] == str(tmp_path / "views.sql")
    assert made.environ["MEDIA_DIR"] == str(tmp_path / "media")


def test_bytecode_may_be_kept_by_every_process() -> None:
    assert "PYTHONDONTWRITEBYTECODE" not in plan(PYTHONDONTWRITEBYTECODE="1").environ


def test_passwords_are_made_once_and_are_the_owners_only(tmp_path: Path) -> None:
    made = load_secrets(tmp_path / "home")
    assert load_secrets(tmp_path / "home") == made
    assert stat.S_IMODE((tmp_path / "home" / "secrets.json").stat().st_mode) == 0o600
    assert load_secrets(tmp_path / "other") != made
