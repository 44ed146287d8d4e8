"""What Meta's refusals mean: one table of codes, and the sentences for those that a person has to mend.

https://developers.facebook.com/docs/graph-api/guides/error-handling and …/overview/rate-limiting;
https://developers.facebook.com/docs/marketing-api/insights/best-practices (100/1487534).
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from cep_orchestration.clients.http import Answer


class Meaning(Enum):
    AGAIN = auto()  # it may work in a moment
    WAIT = auto()  # a limit of calls is reached, whatever is asked
    TOO_MUCH = auto()  # the question is too large
    REFUSED = auto()  # this question is not answered, others may be
    SETTING = auto()  # nothing is answered until somebody acts


@dataclass(frozen=True)
class Refusal:
    """`label` names it without any of the provider's words: its code, with the subcode, or its HTTP status."""

    meaning: Meaning
    label: str
    code: int | None = None


CODES: dict[int, Meaning] = {
    1: Meaning.AGAIN,  # unknown error; for insights also a question that took too long
    2: Meaning.AGAIN,  # the service is down or overloaded
    4: Meaning.WAIT,  # the app's calls
    17: Meaning.WAIT,  # the user's calls
    32: Meaning.WAIT,  # the page's calls
    341: Meaning.WAIT,  # the app's limit
    613: Meaning.WAIT,  # calls within a time
    **dict.fromkeys(range(80000, 80015), Meaning.WAIT),  # the calls of one business use case
    3: Meaning.SETTING,  # capability
    10: Meaning.SETTING,  # permission
    102: Meaning.SETTING,  # session
    190: Meaning.SETTING,  # token
    **dict.fromkeys(range(200, 300), Meaning.SETTING),  # permissions
    368: Meaning.SETTING,  # policy violations
    2500: Meaning.SETTING,  # no such path
    2635: Meaning.SETTING,  # the version was given up
    100: Meaning.REFUSED,  # invalid parameter
    3018: Meaning.REFUSED,  # days that are too long ago
}
SUBCODES: dict[tuple[int, int], Meaning] = {
    (100, 1487534): Meaning.TOO_MUCH,  # more data than one call may have
}

NO_PERMISSION = (
    "dé al token de META_ACCESS_TOKEN el permiso ads_read y el acceso a la cuenta publicitaria de META_AD_ACCOUNT_ID."
)
EXPIRED = "el token ha caducado o se ha revocado; genere uno nuevo y póngalo en META_ACCESS_TOKEN."
NO_API = "compruebe la dirección y la versión de la API en META_BASE_URL."
SENTENCES: dict[int, str] = {
    3: "la aplicación del token no tiene acceso a la Marketing API; actívelo en el panel de la aplicación.",
    102: EXPIRED,
    190: EXPIRED,
    368: "la cuenta está bloqueada por incumplir las políticas; revise la calidad de la cuenta en Meta Business.",
    2500: NO_API,
    3018: "se han pedido días de hace más de 37 meses, que ya no recuerda; pida días posteriores.",
    2635: "esa versión de la API se ha retirado; ponga una versión actual en META_BASE_URL.",
}
NOT_IMPLEMENTED = 501
WRONG_ACCOUNT = "compruebe que META_AD_ACCOUNT_ID es la cuenta publicitaria (act_…) y que el token llega a ella."


def refusal(answer: Answer) -> Refusal | None:
    """None where the answer is a success. Decided on `error.code`; the status decides only what is not listed."""
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    if not isinstance(error, dict):
        return None if answer.status == 200 else Refusal(_by_status(answer, None), f"HTTP {answer.status}")
    code, subcode = _code(error, "code"), _code(error, "error_subcode")
    if code is None:
        return Refusal(_by_status(answer, error), f"HTTP {answer.status}")
    label = f"código {code}" if subcode is None else f"código {code}/{subcode}"
    meaning = SUBCODES.get((code, subcode or 0)) or CODES.get(code) or _by_status(answer, error)
    return Refusal(meaning, label, code)


def what_to_mend(found: Refusal) -> str:
    """The sentence for a person; of whatever meaning, where nothing of the account can be read."""
    if found.code in SENTENCES:
        return f"Meta no responde ({found.label}): {SENTENCES[found.code]}"
    if found.code is None and found.meaning is Meaning.SETTING and found.label not in ("HTTP 401", "HTTP 403"):
        return f"En META_BASE_URL no responde la API de Meta ({found.label}): {NO_API}"
    if found.meaning is Meaning.SETTING:
        return f"Meta niega el permiso ({found.label}): {NO_PERMISSION}"
    return f"Meta rechaza la consulta de la cuenta publicitaria ({found.label}): {WRONG_ACCOUNT}"


def _by_status(answer: Answer, error: dict[str, Any] | None) -> Meaning:
    if answer.status == 429:
        return Meaning.WAIT
    if answer.status == NOT_IMPLEMENTED:
        return Meaning.SETTING
    if answer.status >= 500 or (error and error.get("is_transient") is True):
        return Meaning.AGAIN
    if answer.status in (401, 403) or (error is None and answer.is_no_api):
        return Meaning.SETTING
    return Meaning.REFUSED


def _code(error: dict[str, Any], name: str) -> int | None:
    value = error.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
