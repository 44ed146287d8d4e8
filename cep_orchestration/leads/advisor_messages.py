"""What advisors read: all leads that wait for one of them in one message, in free words or by approved templates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import phonenumbers

from cep_orchestration.permission import tell_of
from cep_orchestration.ports import Lead, Message, Messenger, Outcome, Outcomes, Reason, Sent, Skipped, Template, Text
from cep_orchestration.settings import WhatsAppTemplates

TEXT_LIMIT = 4096
BODY_LIMIT = 1024
OWN_WORDS = 124  # of the body's limit, for what the template itself says; an installation writes that
BETWEEN = " · "
NAME_LIMIT, PHONE_LIMIT, COURSE_LIMIT, LINK_LIMIT = 100, 40, 150, 300
DIRECTION_MARKS = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]  # they would turn round what others read
CONTROLS = [code for code in [*range(0x20), *range(0x7F, 0xA0)] if not chr(code).isspace()]
GARBLING = dict.fromkeys([*DIRECTION_MARKS, *CONTROLS])


@dataclass(frozen=True)
class AdvisorMessages:
    """All leads that wait for one advisor become one message; `cms_url` shows those that it has no room to name.

    templates  the approved ones; None: free words, which reach only those who wrote within the last 24 hours
    """

    messenger: Messenger
    templates: WhatsAppTemplates | None = None
    cms_url: str = ""

    def deliver(self, leads: Sequence[Lead], _batch: str = "") -> Outcomes:
        """Every lead has an advisor with a valid phone number."""
        by_phone: dict[str, list[Lead]] = {}
        for lead in leads:
            by_phone.setdefault(e164_digits(lead.advisor_phone or "") or "", []).append(lead)
        outcomes: dict[str, Outcome] = {}
        for phone, waiting in by_phone.items():
            told, erased = tell_of(waiting, partial(self._tell, phone))
            outcomes |= told | dict.fromkeys(erased, Skipped(Reason.ERASED))
        return outcomes

    def _tell(self, phone: str, leads: Sequence[Lead]) -> dict[str, Outcome]:
        message, named = self._message(leads)
        return _per_lead(leads, named, self.messenger.send(phone, message))

    def _message(self, leads: Sequence[Lead]) -> tuple[Message, int]:
        if self.templates:
            return advisor_template(leads, self.templates, self.cms_url)
        text, named = advisor_text(leads, self.cms_url)
        return Text(text), named


def _per_lead(leads: Sequence[Lead], named: int, outcome: Outcome) -> dict[str, Outcome]:
    outcomes = dict.fromkeys((lead.id for lead in leads), outcome)
    if isinstance(outcome, Sent):
        outcomes |= dict.fromkeys((lead.id for lead in leads[named:]), Sent(outcome.provider_id, Reason.COUNTED))
    return outcomes


def advisor_text(leads: Sequence[Lead], cms_url: str = "") -> tuple[str, int]:
    """A message in free words about these leads, and how many of them it names: the first ones."""
    if len(leads) == 1:
        return f"Nuevo lead: {_who(leads[0])} interesado en {course_run_text(leads[0])}", 1
    title = f"{len(leads)} leads nuevos:"
    lines, named = _listed(
        leads,
        lambda lead: f"\n• {_who(lead)} interesado en {course_run_text(lead)}",
        lambda count: f"\n… y {_rest(count, cms_url)}",
        room=TEXT_LIMIT - len(title),
    )
    return title + lines, named


def advisor_template(leads: Sequence[Lead], names: WhatsAppTemplates, cms_url: str = "") -> tuple[Template, int]:
    """The same by template: one lead is name, phone and course run; several are how many and who, on one line."""
    if len(leads) == 1:
        return Template(names.one, (_name(leads[0]), _phone(leads[0]), course_run_text(leads[0]))), 1
    count = str(len(leads))
    line, named = _listed(
        leads,
        lambda lead: f"{BETWEEN}{_who(lead)}, {course_run_text(lead)}",
        lambda more: f"{BETWEEN}… y {_rest(more, cms_url)}",
        room=BODY_LIMIT - OWN_WORDS - len(count) + len(BETWEEN),
    )
    return Template(names.digest, (count, line.removeprefix(BETWEEN))), named


def _listed(
    leads: Sequence[Lead], entry: Callable[[Lead], str], rest: Callable[[int], str], room: int
) -> tuple[str, int]:
    """As many entries as there is room for, with a word about the rest, and how many that are.

    Only what may fit is written out: thousands can wait.
    """
    room_beside_rest = room - _size(rest(len(leads)))
    entries: list[str] = []
    used = named = 0
    for lead in leads:
        text = entry(lead)
        used += _size(text)
        if used > room:
            break
        entries.append(text)
        if used <= room_beside_rest:
            named = len(entries)
    if len(entries) == len(leads):
        return "".join(entries), len(leads)
    return "".join(entries[:named]) + rest(len(leads) - named), named


def _rest(count: int, cms_url: str) -> str:
    where = f": {cms_url}" if 0 < len(cms_url) <= LINK_LIMIT else "."
    return f"{count} más, en el CMS{where}"


def course_run_text(lead: Lead) -> str:
    """«Auxiliar de Enfermería, 12/01/2027»: the course and its start, as far as they are known."""
    course = _short(lead.course, COURSE_LIMIT)
    if not course:
        return "un curso sin indicar"
    return f"{course}, {lead.starts_on:%d/%m/%Y}" if lead.starts_on else course


def _who(lead: Lead) -> str:
    return f"{_name(lead)} ({_phone(lead)})"


def _name(lead: Lead) -> str:
    return _short(lead.name, NAME_LIMIT) or "sin nombre"


def _phone(lead: Lead) -> str:
    return _short(lead.phone, PHONE_LIMIT) or "sin teléfono"


def _short(value: str | None, limit: int) -> str:
    """On one line, and cut: what a person typed must not take the room of the others, nor garble it."""
    line = " ".join((value or "").translate(GARBLING).split())
    if not any(letter.isprintable() and letter != " " for letter in line):
        return ""
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _size(text: str) -> int:
    """Characters, where an emoji is two: which way WhatsApp counts them is not told."""
    return len(text) + sum(letter > "\uffff" for letter in text)


@lru_cache(maxsize=4096)
def e164_digits(phone: str) -> str | None:
    """Digits with the country code, as WhatsApp wants them (Spain if none is given); None if it is no valid number."""
    try:
        number = phonenumbers.parse(phone, "ES")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).lstrip("+")
