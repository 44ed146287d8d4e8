"""A dead man's switch, which tells somebody when it was not called in time. Signals as Healthchecks has them:
https://healthchecks.io/docs/http_api/ (the address itself: success; /start; /fail)."""

from urllib.parse import urlsplit, urlunsplit

from cep_orchestration.alert_ports import Signal
from cep_orchestration.clients.http import Http, NoAnswerError

SUFFIXES = {Signal.START: "/start", Signal.SUCCESS: "", Signal.FAILURE: "/fail"}
TRIES = 3


class Heartbeat:
    """`address` is a secret: whoever knows it can call it."""

    def __init__(self, http: Http, address: str) -> None:
        self._http = http
        self._parts = urlsplit(address)

    def signal(self, signal: Signal) -> bool:
        """Whether it was taken. Called again where nobody answered: a lost call would wake somebody up."""
        path = self._parts.path.rstrip("/") + SUFFIXES[signal]
        address = urlunsplit(self._parts._replace(path=path))
        return any(self._taken(address) for _ in range(TRIES))

    def _taken(self, address: str) -> bool:
        try:
            return 200 <= self._http.post(address, {}).status < 300
        except NoAnswerError:
            return False
