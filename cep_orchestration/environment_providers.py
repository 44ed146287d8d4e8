"""How the settings of outside services are read: all of a service's, or none; of the CRMs, those of the chosen one."""

from collections.abc import Mapping

from cep_orchestration.environment_reader import Reader
from cep_orchestration.settings import Provider, WhatsAppTemplates, names_sandbox

CRM_VENDORS = ("none", "hubspot", "salesforce", "zoho")
CRM_CREDENTIALS = {
    "hubspot": "HUBSPOT_ACCESS_TOKEN",
    "salesforce": "SALESFORCE_CLIENT_SECRET",
    "zoho": "ZOHO_CLIENT_SECRET",
}


class ProviderReader:
    """Reads a provider: all of its settings, or none. The sandbox needs an address and nothing else."""

    def __init__(self, reader: Reader, sandbox_port: int) -> None:
        self._reader = reader
        self._sandbox_port = sandbox_port

    def read(
        self,
        name: str,
        base: str,
        credential: str,
        account: str = "",
        default_base: str = "",
        prefix: str = "",
        needs: tuple[str, ...] = (),
        more: Mapping[str, str] | None = None,
    ) -> Provider | None:
        """`needs`: further secrets; `more`: what has a default. Both are handed on by their names."""
        address = self._reader.address(base, ("http", "https")) or default_base
        spare = "sandbox" if names_sandbox(address, self._sandbox_port) else ""
        key = self._reader.text(credential) or spare
        account_id = (self._reader.text(account) or spare) if account else ""
        given = {credential: key}
        if account:
            given[account] = account_id
        for setting in (*needs, *((prefix,) if prefix else ())):
            given[setting] = self._reader.text(setting) or spare
        if not any(given.values()):
            return None
        missing = [setting for setting, value in given.items() if not value]
        for setting in missing:
            present = next(other for other, value in given.items() if value)
            self._reader.faults.append(f"{setting} is missing: {name} needs it beside {present}; set both or none.")
        if not address:
            self._reader.faults.append(f"{base} is missing: it is the address of your {name}.")
        return Provider(name, address, key, account_id, {**{need: given[need] for need in needs}, **(more or {})})

    def webhook(self, name: str, setting: str) -> Provider | None:
        address = self._reader.address(setting, ("http", "https"))
        return Provider(name, address, credential=address) if address else None


def read_mailchimp(reader: Reader, providers: ProviderReader) -> Provider | None:
    prefix = reader.text("MAILCHIMP_SERVER_PREFIX")
    return providers.read(
        "Mailchimp Marketing",
        "MAILCHIMP_BASE_URL",
        "MAILCHIMP_API_KEY",
        default_base=f"https://{prefix}.api.mailchimp.com/3.0",
        prefix="MAILCHIMP_SERVER_PREFIX",
    )


def read_crm(reader: Reader, providers: ProviderReader) -> tuple[str, dict[str, Provider | None]]:
    """The chosen vendor's name, and the providers, none but its own. A credential whose vendor is not chosen is more
    likely forgotten than meant."""
    vendor = reader.choice("CRM_VENDOR", CRM_VENDORS, str.lower)
    found = {
        "hubspot": providers.read("HubSpot", "HUBSPOT_BASE_URL", "HUBSPOT_ACCESS_TOKEN"),
        "salesforce": providers.read(
            "Salesforce",
            "SALESFORCE_BASE_URL",
            "SALESFORCE_CLIENT_SECRET",
            "SALESFORCE_CLIENT_ID",
            more={"SALESFORCE_EXTERNAL_ID": reader.text("SALESFORCE_EXTERNAL_ID")},
        ),
        "zoho": providers.read(
            "Zoho",
            "ZOHO_BASE_URL",
            "ZOHO_CLIENT_SECRET",
            "ZOHO_CLIENT_ID",
            needs=("ZOHO_REFRESH_TOKEN",),
            more={"ZOHO_ACCOUNTS_URL": reader.address("ZOHO_ACCOUNTS_URL", ("http", "https"))},
        ),
    }
    for name, provider in found.items():
        credential = CRM_CREDENTIALS[name]
        if vendor == name and provider is None:
            reader.faults.append(f"CRM_VENDOR is {name}, but {credential} is missing; set it, or CRM_VENDOR=none.")
        if provider and not reader.is_set("CRM_VENDOR"):
            reader.faults.append(f"{credential} is set, but CRM_VENDOR is not; set CRM_VENDOR={name} (or none).")
    return vendor, {name: provider if name == vendor else None for name, provider in found.items()}


def read_templates(reader: Reader) -> WhatsAppTemplates | None:
    one, digest = reader.text("WHATSAPP_TEMPLATE"), reader.text("WHATSAPP_DIGEST_TEMPLATE")
    if bool(one) != bool(digest):
        missing = "WHATSAPP_DIGEST_TEMPLATE" if one else "WHATSAPP_TEMPLATE"
        reader.faults.append(
            f"{missing} is missing: templates are needed for one lead and for several; set both or none."
        )
    return WhatsAppTemplates(one, digest) if one and digest else None
