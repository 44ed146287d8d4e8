"""`cep up`: the whole system in the foreground, until it is told to stop."""

import fcntl
import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from cep_orchestration.database.engine import connect, is_demo, opened, postgres_url
from cep_orchestration.failures import SettingError
from cep_orchestration.local import object_store
from cep_orchestration.local.part_alerts import PartAlerts
from cep_orchestration.local.parts import dagster_home, make_parts, ports
from cep_orchestration.local.plan import Plan, Secrets
from cep_orchestration.local.probes import check_port_free
from cep_orchestration.local.processes import Records, write_whole
from cep_orchestration.local.supervisor import Part, Supervisor, end_all
from cep_orchestration.settings import mixing_faults

STATE = "up.json"


def up(plan: Plan, keys: Secrets, say: Callable[[str], None]) -> None:
    """Returns after a stop by SIGINT or SIGTERM, with every process ended. Raises CepError when it cannot run."""
    home = plan.settings.home
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    with only_one(home):
        if left := end_all(Records(home), say):
            say(f"Ended {left} parts that an earlier start had left behind.")
        explained = {"S3_PORT": object_store.ports_sentence(plan.settings.ports.s3)}
        for setting, port in ports(plan):
            check_port_free(setting, port, explained.get(setting, ""))
        if not plan.demo:
            refuse_mixing(plan)
        if plan.names_dagster_database:
            check_dagster_database(plan)
        dagster_home(home)
        parts = make_parts(plan, keys)
        write_state(plan, parts)
        say(f"Starting; logs in {home / 'logs'}")
        try:
            Supervisor(
                parts,
                plan.environ,
                home,
                say,
                stop.is_set,
                on_all_ready=lambda: say(_how_to_go_on(plan)),
                on_down=PartAlerts(plan.settings, say).note,
            ).run()
        finally:
            if plan.embeds_object_storage:
                object_store.remove_sockets(plan.settings.ports.s3)
        say("Stopped.")


def refuse_mixing(plan: Plan) -> None:
    """A CMS database that the environment names may be a demo too: then no real provider may be beside it."""
    with opened(connect(plan.settings.cms_database_url)) as connection:
        if faults := mixing_faults(plan.settings, demo=is_demo(connection)):
            raise SettingError("\n".join(faults))


def check_dagster_database(plan: Plan) -> None:
    """Raises SettingError if the database that Dagster is to use takes no connection."""
    url = postgres_url(plan.settings.dagster_database_url, "DAGSTER_DATABASE_URL")
    engine = create_engine(url, connect_args={"connect_timeout": 10})
    with opened(engine, "DAGSTER_DATABASE_URL"):
        engine.dispose()


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Holds the home's lock. The lock ends with this process, however it ends."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingError(
                f"The system of {home} is running already; stop it first, or set CEP_HOME to another folder."
            ) from error
        yield


def is_up(home: Path) -> bool:
    """Whether a launcher holds the home's lock."""
    if not home.exists():
        return False
    try:
        with only_one(home):
            return False
    except SettingError:
        return True


def write_state(plan: Plan, parts: list[Part]) -> None:
    """What other commands need to find the running system: addresses, probes, ports."""
    state = {
        "ports": {name.upper() + "_PORT": str(port) for name, port in asdict(plan.settings.ports).items()},
        "parts": [
            {"name": part.name, "title": part.title, "address": part.address, "probe": asdict(part.probe)}
            for part in parts
        ],
    }
    write_whole(plan.settings.home / STATE, json.dumps(state))


def ports_of_running(home: Path) -> Mapping[str, str]:
    """The port settings of the last start in this home; empty if there was none."""
    file = home / STATE
    if not file.exists():
        return {}
    ports_in_use: dict[str, str] = read_state(home)["ports"]
    return ports_in_use


def read_state(home: Path) -> dict[str, Any]:
    """What the last start wrote. Raises SettingError when it is damaged."""
    file = home / STATE
    try:
        state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SettingError(f"{file} is damaged; start again with «make up», which writes it anew.") from error
    return state


def _how_to_go_on(plan: Plan) -> str:
    if plan.demo:
        return (
            "\nEverything runs. Make a lead with:  .venv/bin/cep demo leads --count 5\n"
            f"and watch it arrive on {plan.settings.sandbox_url} and in the UI. Ctrl-C ends everything."
        )
    return "\nEverything runs. A new lead in the CMS is processed within seconds. Ctrl-C ends everything."
