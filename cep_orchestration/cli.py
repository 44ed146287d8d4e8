"""The console command `cep`. It reads the environment and `.env`; a failure is a sentence and exit code 1."""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from random import Random
from typing import ParamSpec

import click
from dotenv import dotenv_values

from cep_orchestration import checks
from cep_orchestration.database.engine import connect
from cep_orchestration.database.migrate import migrate as migrate_database
from cep_orchestration.environment import read_settings
from cep_orchestration.failures import CepError, SettingError
from cep_orchestration.settings import Settings

P = ParamSpec("P")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The automation of CEP: start it, look after it, check its settings."""


def in_sentences(command: Callable[P, None]) -> Callable[P, None]:
    """A failure that has a sentence is shown as that sentence."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except CepError as error:
            click.echo(str(error), err=True)
            sys.exit(1)

    return wrapped


@main.command()
@in_sentences
def up() -> None:
    """Start everything and stay in the foreground; Ctrl-C ends it."""
    from cep_orchestration.local import up as local_up
    from cep_orchestration.local.plan import load_secrets, make_plan

    settings = read_settings(environment())
    keys = load_secrets(settings.home)
    local_up.up(make_plan(environment(), keys), keys, say)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@in_sentences
def status(as_json: bool) -> None:
    """What runs, where, healthy or not. Exit code 1 unless everything is healthy."""
    from cep_orchestration.local.status import status as part_status
    from cep_orchestration.local.up import is_up

    home = read_settings(environment()).home
    parts = part_status(home)
    if as_json:
        click.echo(json.dumps({"running": is_up(home), "parts": [asdict(part) for part in parts]}, indent=2))
    else:
        if not parts:
            click.echo(f"Nothing was ever started in {home}; start with «make up».")
        for part in parts:
            state = "healthy" if part.healthy else "not answering" if part.running else "not running"
            click.echo(f"{part.title:<16} {state:<14} {part.address}")
    sys.exit(0 if parts and all(part.healthy for part in parts) else 1)


@main.command()
@in_sentences
def check() -> None:
    """Settings, database, CMS contract, credentials: one sentence for each fault, exit code 1."""
    settings = running_settings()
    for note in checks.notes(settings):
        click.echo(note)
    if found := checks.faults(settings):
        raise SettingError("\n".join(found))
    click.echo("No faults.")


@main.command()
@in_sentences
def migrate() -> None:
    """Bring the database to this version; the first time, record every lead that is there as baseline."""
    settings = running_settings()
    baseline = migrate_database(connect(settings.cms_database_url), settings.cms_views_file)
    if baseline is not None:
        click.echo(f"First installation: {baseline} leads that were there are baseline and get no message.")
    click.echo("The database is up to date.")


@main.group()
def demo() -> None:
    """The demo CMS."""


@demo.command()
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="How many leads.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="How many a second; at once if not given.")
@in_sentences
def leads(count: int, rate: float | None) -> None:
    """Make new leads, as the public form of the web site does."""
    from cep_orchestration.local.demo import add_leads

    engine = connect(running_settings().cms_database_url)
    made = list(add_leads(engine, count, rate, lambda: datetime.now(UTC), time.sleep, Random()))  # noqa: S311
    click.echo(f"{len(made)} new leads in the demo CMS: {made[0]} to {made[-1]}.")


def environment() -> dict[str, str]:
    """The environment, and beneath it what `.env` in this folder says."""
    beneath = {name: value for name, value in dotenv_values(Path(".env")).items() if value is not None}
    return beneath | dict(os.environ)


def running_settings() -> Settings:
    """The settings with the embedded parts filled in, where the environment names none and they run."""
    from cep_orchestration.local.plan import load_secrets, make_plan
    from cep_orchestration.local.up import is_up, ports_of_running

    given = environment()
    settings = read_settings(given)
    if settings.cms_database_url:
        return settings
    if not is_up(settings.home):
        raise SettingError(
            "CMS_DATABASE_URL is not set, and the demo is not running; "
            "set CMS_DATABASE_URL to the CMS's database, or start the demo with «make up»."
        )
    return make_plan({**ports_of_running(settings.home), **given}, load_secrets(settings.home)).settings


def say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
