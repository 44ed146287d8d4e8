"""The sandbox as its tests see it: short forms of the calls that many of them make, and its clock."""

from typing import Any

import requests

TIMEOUT = 5
BEARER = {"Authorization": "Bearer token"}
UPSERT = "/hubspot/crm/v3/objects/contacts/batch/upsert"


class Clock:
    """A clock that only tests move."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Client:
    """A sandbox by its address; `clock` is the one it was started with."""

    def __init__(self, base: str, clock: Clock | None = None) -> None:
        self.base, self.clock = base, clock or Clock()

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.base + path, timeout=TIMEOUT, **options)

    def mandrill(self, method: str, **payload: Any) -> requests.Response:
        return self.ask("POST", f"/mandrill/api/1.0/{method}", json={"key": "k", **payload})

    def mail(self, *addresses: str, **message: Any) -> requests.Response:
        to = [{"email": address} for address in addresses]
        return self.mandrill(
            "messages/send-template",
            template_name="lead_confirmation",
            template_content=[],
            message={"to": to, **message},
        )

    def search(self, query: str, **more: Any) -> list[dict[str, Any]]:
        return list(self.mandrill("messages/search", query=query, **more).json())

    def whatsapp(self, to: str = "34600111222", **more: Any) -> requests.Response:
        message = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "Hola"}} | more
        return self.ask("POST", "/whatsapp/v26.0/555/messages", headers=BEARER, json=message)

    def template(self, text: str) -> requests.Response:
        body = {"type": "body", "parameters": [{"type": "text", "text": text}]}
        template = {"name": "new_leads", "language": {"code": "es"}, "components": [body]}
        return self.whatsapp(type="template", template=template)

    def upsert(self, *emails: str, **properties: Any) -> requests.Response:
        inputs = [{"id": e, "idProperty": "email", "properties": {"email": e, **properties}} for e in emails]
        return self.ask("POST", UPSERT, headers=BEARER, json={"inputs": inputs})

    def slack(self, **payload: Any) -> requests.Response:
        return self.ask("POST", "/slack/services/T/B/x", json=payload)

    def fault(self, provider: str, **fault: Any) -> requests.Response:
        return self.ask("PUT", f"/api/faults/{provider}", json=fault)

    def sent(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.ask("GET", "/api/sent", params=query).json())

    def counts(self) -> dict[str, Any]:
        return dict(self.ask("GET", "/api/counts").json())


def addresses(count: int) -> list[str]:
    return [f"lead{number}@example.com" for number in range(count)]
