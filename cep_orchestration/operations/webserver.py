"""Dagster's web server behind the guard: `python -m cep_orchestration.operations.webserver`."""

from pathlib import Path

import click
import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.version import __version__
from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware

from cep_orchestration.operations.guard import Guard

STATEMENT_TIMEOUT_MS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW = 15_000, 3_600, 20


class GuardedWebserver(DagsterWebserver[WorkspaceProcessContext, WorkspaceRequestContext]):
    def __init__(self, context: WorkspaceProcessContext, hosts: tuple[str, ...]) -> None:
        self._hosts = hosts
        super().__init__(context)

    def build_middleware(self) -> list[Middleware]:
        return [Middleware(Guard, hosts=self._hosts), *super().build_middleware()]


@click.command()
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=int, default=3000, help="Port to listen on.")
@click.option("--allow-host", "hosts", multiple=True, help="A further host name by which the UI is reached.")
@click.option("--workspace", "-w", type=click.Path(exists=True), default="workspace.yaml")
def main(host: str, port: int, hosts: tuple[str, ...], workspace: str) -> None:
    """Serves Dagster's UI."""
    with dg.DagsterInstance.get() as instance:
        instance.optimize_for_webserver(STATEMENT_TIMEOUT_MS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW)
        target = WorkspaceFileTarget(paths=[str(Path(workspace).resolve())])
        with WorkspaceProcessContext(instance, workspace_load_target=target, version=__version__) as context:
            app = GuardedWebserver(context, hosts).create_asgi_app()
            uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=3)


if __name__ == "__main__":
    main()
