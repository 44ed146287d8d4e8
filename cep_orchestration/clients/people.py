"""What a CRM's standard fields are told of a lead: names that fit, a phone that is one, and all else as a text."""

import re
from dataclasses import dataclass

from cep_orchestration.ports import Lead

COMPANY = "[particular]"
"""The company of a person who has none; CRMs want one of every lead."""
NO_NAME = "[sin nombre]"
FIRST_NAME_LIMIT, LAST_NAME_LIMIT, PHONE_LIMIT, LINE_LIMIT = 40, 80, 30, 1000
PHONE = re.compile(r"\+?[0-9]+([ .-][0-9]+)*")


@dataclass(frozen=True)
class Person:
    """`last_name` is never empty; `description` holds what the other fields have no room for, too."""

    first_name: str | None
    last_name: str
    phone: str | None
    description: str


def person(lead: Lead) -> Person:
    first, last = split_name(lead.name)
    if not last:
        first, last = "", first or NO_NAME
    fits = len(first) <= FIRST_NAME_LIMIT and len(last) <= LAST_NAME_LIMIT
    phone = _phone(lead.phone)
    lines = {
        "Curso": lead.course,
        "Inicio": lead.starts_on.strftime("%d/%m/%Y") if lead.starts_on else None,
        "Sede": lead.campus,
        "Campaña": lead.campaign,
        "Nombre": None if fits else lead.name,
        "Teléfono": None if phone else lead.phone,
        "Lead": lead.id,
    }
    return Person(
        first_name=_cut(first, FIRST_NAME_LIMIT) or None,
        last_name=_cut(last, LAST_NAME_LIMIT),
        phone=phone,
        description="\n".join(f"{name}: {_cut(value.strip(), LINE_LIMIT)}" for name, value in lines.items() if value),
    )


def split_name(name: str) -> tuple[str, str]:
    """The first word, and the others."""
    first, _, rest = " ".join(name.split()).partition(" ")
    return first, rest


def _phone(phone: str | None) -> str | None:
    """What a phone field takes; whatever else somebody typed there would get the whole lead refused."""
    plain = " ".join((phone or "").translate({ord("("): " ", ord(")"): " "}).split())
    return plain if len(plain) <= PHONE_LIMIT and PHONE.fullmatch(plain) else None


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
