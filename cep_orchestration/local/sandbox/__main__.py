"""Runs the sandbox: python -m cep_orchestration.local.sandbox --port 8025 --smtp-port 2525 --store sandbox.sqlite"""

import argparse
import signal
import socket
import sqlite3
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from cep_orchestration.local.sandbox.app import create_app
from cep_orchestration.local.sandbox.mailbox import add_mailbox

SHUTDOWN_SECONDS = 1


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))  # uvicorn raises the signal again once it has stopped
    options = _options()
    app = _app(options.store, options.pair_seconds)
    listener = _listener(options.host, options.port, "--port")
    print(f"Sandbox: http://{options.host}:{listener.getsockname()[1]}/", flush=True)
    if options.smtp_port is not None:
        mail = _listener(options.host, options.smtp_port, "--smtp-port")
        print(f"Mail: smtp://{options.host}:{mail.getsockname()[1]}", flush=True)
        add_mailbox(app, options.store, mail)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="error",
        ws="none",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description="Stands in for the outside services")
    parser.add_argument("--port", type=int, required=True, help="0 takes any free port")
    parser.add_argument("--smtp-port", type=int, help="where it takes mail; 0 takes any free port, none: no mail")
    parser.add_argument("--store", type=Path, required=True, help="the SQLite file that keeps what was sent")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--pair-seconds", type=float, default=6.0, help="between two WhatsApps to one number")
    return parser.parse_args()


def _app(store: Path, pair_seconds: float) -> Starlette:
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        return create_app(store, pair_seconds=pair_seconds)
    except (OSError, sqlite3.Error) as error:
        sys.exit(f"The sandbox cannot keep its data in {store} ({error}): choose another --store.")


def _listener(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        sys.exit(f"The sandbox cannot listen on {host}:{port} ({error}): choose another {option}.")


if __name__ == "__main__":
    main()
