"""The console command `cep`. It reads the environment and `.env`; a failure is a sentence and exit code 1."""

import io
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from random import Random
from typing import Any, ParamSpec

import click
from dotenv.parser import Binding, parse_stream
from sqlalchemy.exc import SQLAlchemyError

from cep_orchestration import checks, cli_restore
from cep_orchestration.database.engine import connect, opened
from cep_orchestration.database.migrate import migrate as migrate_database
from cep_orchestration.environment import setting_names
from cep_orchestration.failures import CepError, SettingError
from cep_orchestration.settings import Settings

P = ParamSpec("P")
MOST_DEMO_LEADS = 100_000


class Rate(click.FloatRange):
    """A range of numbers; «nan» lies in every one of click's."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        rate = float(super().convert(value, param, ctx))
        if math.isnan(rate):
            self.fail(f"{value!r} is no number.", param, ctx)
        return rate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The automation of CEP: start it, look after it, check its settings."""


def in_sentences(command: Callable[P, None]) -> Callable[P, None]:
    """A failure that has a sentence is shown as that sentence."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except BrokenPipeError:  # whoever read our words has enough of them; click ends quietly
            raise
        except (CepError, OSError, SQLAlchemyError) as error:
            click.echo(_sentence(error), err=True)
            sys.exit(1)

    return wrapped


def _sentence(error: CepError | OSError | SQLAlchemyError) -> str:
    """OSError: a folder that may not be written, a full disk, a path that is a file."""
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'} cannot be used ({error.strerror or error}); check its path and rights."
    if isinstance(error, SQLAlchemyError):
        return (
            f"The database failed in the middle of the work ({type(error).__name__}); see that it runs, and try again."
        )
    return str(error)


@main.command()
@in_sentences
def up() -> None:
    """Start everything and stay in the foreground; Ctrl-C ends it."""
    from cep_orchestration.local import up as local_up
    from cep_orchestration.local.plan import given_settings, load_secrets, make_plan

    given = environment()
    keys = load_secrets(given_settings(given).home)
    local_up.up(make_plan(given, keys), keys, say)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@in_sentences
def status(as_json: bool) -> None:
    """What runs, where, healthy or not. Exit code 1 unless everything is healthy."""
    from cep_orchestration.local.plan import given_settings
    from cep_orchestration.local.status import status as part_status
    from cep_orchestration.local.up import is_up

    home = given_settings(environment()).home
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
    click.echo("The database is prepared, and the CMS contract is kept. No faults.")


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
@click.option("--count", type=click.IntRange(1, MOST_DEMO_LEADS), default=1, show_default=True, help="How many leads.")
@click.option("--rate", type=Rate(0.001, 10_000), help="How many a second; at once if not given.")
@in_sentences
def leads(count: int, rate: float | None) -> None:
    """Make new leads, as the public form of the web site does."""
    from cep_orchestration.local.demo import add_leads

    engine = connect(running_settings().cms_database_url)
    with opened(engine):
        pass
    made = list(add_leads(engine, count, rate, lambda: datetime.now(UTC), time.sleep, Random()))  # noqa: S311 - demo
    which = f"{made[0]} to {made[-1]}" if len(made) > 1 else made[0]
    click.echo(f"New leads in the demo CMS: {len(made)} ({which}).")


for restoring in (cli_restore.backups, cli_restore.restore):
    assert restoring.callback, "it has one"  # noqa: S101 - for mypy
    restoring.callback = in_sentences(restoring.callback)
    main.add_command(restoring)


def environment() -> dict[str, str]:
    """The environment, and beneath it what `.env` in this folder says. Raises SettingError for what is no setting."""
    file = Path(".env")
    if not file.exists():
        return dict(os.environ)
    try:
        lines = list(parse_stream(io.StringIO(file.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{file.absolute()} cannot be read as text in UTF-8 ({error}).") from error
    if bad := next((line for line in lines if line.error or (line.key and line.value is None)), None):
        raise SettingError(f"Line {_number(bad)} of {file.absolute()} is no setting; write NAME=value.")
    beneath = {line.key: line.value for line in lines if line.key and line.value is not None}
    if unknown := sorted(beneath.keys() - setting_names()):
        click.echo(
            f"{file.absolute()} has names that are no settings and change nothing: {', '.join(unknown)}.", err=True
        )
    return beneath | dict(os.environ)


def _number(line: Binding) -> int:
    """Its place in the file; the empty lines before it are its own to the parser."""
    text = line.original.string
    return line.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def running_settings() -> Settings:
    """The settings; where the system runs here, with its embedded parts filled in."""
    from cep_orchestration.local.plan import given_settings, load_secrets, make_plan
    from cep_orchestration.local.up import is_up, ports_of_running

    given = environment()
    settings = given_settings(given)
    if is_up(settings.home):
        return make_plan({**ports_of_running(settings.home), **given}, load_secrets(settings.home)).settings
    if settings.cms_database_url:
        return settings
    raise SettingError(
        f"CMS_DATABASE_URL is not set, and no demo runs in {settings.home}; "
        "set CMS_DATABASE_URL to the CMS's database, or start the demo with «make up» (CEP_HOME names its folder)."
    )


def say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
