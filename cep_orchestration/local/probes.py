"""Whether a part works, asked from outside: plain data, so that another process can ask the same."""

import json
import socket
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Literal

import psycopg2
from sqlalchemy import make_url

from cep_orchestration.failures import SettingError

ASK_SECONDS, LET_GO_SECONDS = 2.0, 1.0


@dataclass(frozen=True)
class Probe:
    """`tcp`: something listens on the port. `http`: the address answers below 500. `daemon`: the UI at the address says
    that Dagster's daemons report in."""

    kind: Literal["tcp", "http", "postgres", "daemon"]
    target: str

    def healthy(self) -> bool:
        match self.kind:
            case "tcp":
                return _listens(int(self.target))
            case "http":
                return _answers(self.target)
            case "postgres":
                return _takes_logins(self.target)
            case "daemon":
                return _daemons_report(self.target)


def check_port_free(setting: str, port: int, explained: str = "") -> None:
    """Raises SettingError if something listens there; `explained`: what more there is to say of it then. By a plain
    bind: others may have bound with SO_REUSEPORT.

    A killed program keeps its ports for some milliseconds after it has left the list of processes.
    """
    deadline = time.monotonic() + LET_GO_SECONDS
    while not _is_free(port):
        if time.monotonic() > deadline:
            sentence = f"Port {port} ({setting}) is in use by another program; end that program, or set {setting}."
            raise SettingError(f"{sentence} {explained}".strip())
        time.sleep(0.02)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(ASK_SECONDS)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(address: str) -> bool:
    try:
        with _OPENER.open(address, timeout=ASK_SECONDS):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def _takes_logins(address: str) -> bool:
    try:
        psycopg2.connect(
            make_url(address).set(drivername="postgresql", database="postgres").render_as_string(False),
            connect_timeout=2,
        ).close()
    except psycopg2.OperationalError:
        return False
    return True


def _daemons_report(ui: str) -> bool:
    query = b'{"query": "{ instance { daemonHealth { allDaemonStatuses { required healthy } } } }"}'
    request = urllib.request.Request(  # noqa: S310 - the address is our own UI's
        f"{ui}/graphql", query, {"Content-Type": "application/json"}
    )
    try:
        with _OPENER.open(request, timeout=ASK_SECONDS) as answer:
            said = json.load(answer)
    except (OSError, ValueError):
        return False
    daemons = said["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
    required = [one["healthy"] for one in daemons if one["required"]]
    return bool(required) and all(required)


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
