"""The parts of a running system, as data for the supervisor: what the plan embeds, and Dagster's three processes."""

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from sqlalchemy import create_engine, text

from cep_orchestration.database.engine import connect, opened, postgres_url
from cep_orchestration.database.migrate import migrate
from cep_orchestration.failures import SettingError
from cep_orchestration.local import object_store
from cep_orchestration.local.demo import create_demo
from cep_orchestration.local.demo_ads import put_ad_account
from cep_orchestration.local.plan import BUSINESS_DATABASE, DAGSTER_DATABASE, Plan, Secrets
from cep_orchestration.local.postgres import EmbeddedPostgres
from cep_orchestration.local.probes import Probe
from cep_orchestration.local.supervisor import Part
from cep_orchestration.settings import PROJECT

DEMO_SEED = 20_27


def make_parts(plan: Plan, keys: Secrets) -> list[Part]:
    """In the order in which they are wanted; the supervisor starts them by their needs."""
    return [
        *([_postgres(plan, keys)] if plan.embeds_postgres else []),
        *([_sandbox(plan)] if plan.runs_sandbox else []),
        _code_server(plan),
        _web_server(plan),
        _daemon(plan),
        *([_object_store(plan)] if plan.embeds_object_storage else []),
    ]


def ports(plan: Plan) -> list[tuple[str, int]]:
    """Every port that will be listened on, beside the setting that moves it. Raises SettingError if one comes twice."""
    settings = plan.settings.ports
    wanted = [("UI_PORT", settings.ui), ("CODE_SERVER_PORT", settings.code_server)]
    if plan.embeds_postgres:
        wanted.append(("POSTGRES_PORT", settings.postgres))
    if plan.runs_sandbox:
        wanted.append(("SANDBOX_PORT", settings.sandbox))
    if plan.runs_mailbox:
        wanted.append(("SMTP_PORT", settings.smtp))
    if plan.embeds_object_storage:
        wanted += [("S3_PORT", port) for port in object_store.ports(settings.s3)]
    seen: dict[int, str] = {}
    for setting, port in wanted:
        if port in seen:
            raise SettingError(f"{seen[port]} and {setting} both take port {port}; change one of them.")
        seen[port] = setting
    return wanted


def _postgres(plan: Plan, keys: Secrets) -> Part:
    port = plan.settings.ports.postgres
    server = EmbeddedPostgres(plan.settings.home / "postgres", port)
    server.initialise(keys.postgres_password)
    databases = [BUSINESS_DATABASE, DAGSTER_DATABASE] if plan.demo else [DAGSTER_DATABASE]
    return Part(
        name="postgres",
        title="PostgreSQL",
        command=server.command(),
        address=f"127.0.0.1:{port}  (databases: {', '.join(databases)})",
        probe=Probe("postgres", plan.environ["DAGSTER_DATABASE_URL"]),
        stop_signal=signal.SIGINT,
        foundation=True,
    )


def _sandbox(plan: Plan) -> Part:
    store = plan.settings.home / "sandbox.db"
    store.touch(mode=0o600)
    port = plan.settings.ports.smtp
    mail, where_mail = (["--smtp-port", str(port)], f"; mail on port {port}") if plan.runs_mailbox else ([], "")
    where = ["--port", str(plan.settings.ports.sandbox), *mail, "--store", str(store)]
    return Part(
        name="sandbox",
        title="Sandbox",
        command=_python("cep_orchestration.local.sandbox", *where),
        address=f"{plan.settings.sandbox_url}  (stands in for the outside services{where_mail})",
        probe=Probe("http", f"{plan.settings.sandbox_url}/health"),
        foundation=True,
    )


def _code_server(plan: Plan) -> Part:
    port = str(plan.settings.ports.code_server)
    where = ["--host", "127.0.0.1", "--port", port, "--location-name", "cep_orchestration", *_log_level(plan)]
    return Part(
        name="code-server",
        title="Code server",
        command=_python("dagster", "api", "grpc", "-m", "cep_orchestration.definitions", *where),
        address=f"127.0.0.1:{port}  (runs the jobs)",
        probe=Probe("tcp", port),
        needs=(*(["postgres"] if plan.embeds_postgres else []), *(["sandbox"] if advertises(plan) else [])),
        prepare=lambda: prepare(plan),
    )


def _web_server(plan: Plan) -> Part:
    port = plan.settings.ports.ui
    where = ["--port", str(port), "--workspace", str(PROJECT / "workspace.yaml")]
    hosts = [part for host in plan.settings.ui_hosts for part in ("--allow-host", host)]
    return Part(
        name="web-server",
        title="Dagster UI",
        command=_python("cep_orchestration.operations.webserver", *where, *hosts),
        address=f"http://127.0.0.1:{port}",
        probe=Probe("http", f"http://127.0.0.1:{port}/server_info"),
        needs=("code-server",),
    )


def _daemon(plan: Plan) -> Part:
    workspace = str(PROJECT / "workspace.yaml")
    return Part(
        name="daemon",
        title="Dagster daemon",
        command=_python("dagster._daemon", "run", "-w", workspace, *_log_level(plan)),
        address="sensors, schedules and the queue of runs",
        probe=Probe("daemon", f"http://127.0.0.1:{plan.settings.ports.ui}"),
        needs=("code-server",),
    )


def _object_store(plan: Plan) -> Part:
    port, folder = plan.settings.ports.s3, plan.settings.home / "s3"
    object_store.prepare(folder, plan.object_storage)
    return Part(
        name="s3",
        title="S3",
        command=object_store.command(folder, port),
        address=f"http://127.0.0.1:{port}  (bucket {plan.settings.backups.bucket})",
        probe=Probe("http", f"http://127.0.0.1:{port}"),
        on_ready=lambda: object_store.make_bucket(plan.object_storage, plan.settings.backups.bucket),
        foundation=True,
        vital=False,
    )


def _log_level(plan: Plan) -> list[str]:
    return ["--log-level", plan.settings.log_level.lower()]


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def prepare(plan: Plan) -> None:
    """What has to be there before anything looks for work: the databases, and the demo's ad account at the sandbox."""
    prepare_databases(plan)
    if advertises(plan):
        engine = connect(plan.settings.cms_database_url)
        with opened(engine) as connection:
            put_ad_account(connection, plan.settings.sandbox_url)
        engine.dispose()


def advertises(plan: Plan) -> bool:
    """Whether the sandbox plays the demo's ad account."""
    return plan.demo and plan.settings.meta is not None and plan.settings.is_sandbox(plan.settings.meta)


def prepare_databases(plan: Plan) -> None:
    """Makes the embedded databases and the demo, then brings the business database to this version."""
    settings = plan.settings
    if plan.embeds_postgres:
        wanted = [settings.dagster_database_url, *([settings.cms_database_url] if plan.demo else [])]
        for address in wanted:
            _make_database(address)
    engine = connect(settings.cms_database_url)
    if plan.demo:
        media_dir = settings.backups.media_dir or settings.home / "media"
        with engine.begin() as connection:
            create_demo(connection, media_dir, datetime.now(UTC), Random(DEMO_SEED))  # noqa: S311 - demo
    migrate(engine, settings.cms_views_file)
    engine.dispose()


def _make_database(address: str) -> None:
    url = postgres_url(address)
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        found = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": url.database})
        if found.scalar() is None:
            connection.execute(text(f'CREATE DATABASE "{url.database}"'))
    admin.dispose()


def dagster_home(home: Path) -> None:
    """DAGSTER_HOME with a link to the project's dagster.yaml, which is the one that runs."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "dagster.yaml"
    if not link.is_symlink() or link.readlink() != PROJECT / "dagster.yaml":
        link.unlink(missing_ok=True)
        link.symlink_to(PROJECT / "dagster.yaml")
