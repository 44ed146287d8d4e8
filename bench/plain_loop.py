"""What the pipeline is compared with: one lead after the other, one request to each service, one UPDATE. It may send
twice and may lose leads; it knows no limits."""

import time
from typing import Any

import requests
from sqlalchemy import Engine, RowMapping, text

from bench.crowd import ask
from bench.providers import Providers
from bench.results import require

LEADS = 100
READ = """
SELECT l.id, l.name, l.email, l.phone, c.advisor_phone FROM public.leads l JOIN public.campuses c ON c.id = l.campus_id
WHERE l.status = 'new' ORDER BY l.id DESC LIMIT :count
"""
DONE = "UPDATE public.leads SET status = 'contacted' WHERE id = :id"


def plain_loop(engine: Engine, providers: Providers) -> float:
    """Seconds for LEADS leads."""
    with engine.begin() as connection:
        ask(connection, 1, LEADS, "now()")
        leads = connection.execute(text(READ), {"count": LEADS}).mappings().all()
    began = time.monotonic()
    with requests.Session() as session:
        session.trust_env = False
        for lead in leads:
            for path, body in _calls(lead).items():
                session.post(providers.base + path, json=body, timeout=10).raise_for_status()
            with engine.begin() as connection:
                connection.execute(text(DONE), {"id": lead["id"]})
    seconds = time.monotonic() - began
    done = [told.requests for told in providers.counts().values()]
    require(sorted(done) == [0, *[LEADS] * 4], f"The plain loop made other requests: {done}")
    return seconds


def _calls(lead: RowMapping) -> dict[str, Any]:
    """The requests for one lead, by path."""
    email, name = lead["email"], lead["name"]
    variables = [{"rcpt": email, "vars": [{"name": "name", "content": name}]}]
    return {
        "/mandrill/api/1.0/messages/send-template": {
            "key": "plain",
            "template_name": "lead_confirmation",
            "template_content": [],
            "message": {"to": [{"email": email, "name": name}], "merge_vars": variables},
        },
        "/whatsapp/v26.0/plain/messages": {
            "messaging_product": "whatsapp",
            "to": lead["advisor_phone"],
            "type": "text",
            "text": {"body": f"Nuevo lead: {name} ({lead['phone']})"},
        },
        "/hubspot/crm/v3/objects/contacts/batch/upsert": {
            "inputs": [{"id": email, "idProperty": "email", "properties": {"email": email, "firstname": name}}],
        },
        "/mailchimp/3.0/lists/plain": {
            "members": [{"email_address": email, "status": "subscribed"}],
            "update_existing": False,
        },
    }
