"""Pages of other sites can do nothing with the running web server; each order here would start something if allowed."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Response

from cep_orchestration_tests.e2e.dagster_api import LAUNCH, launch_parameters
from cep_orchestration_tests.e2e.system import System

ELSEWHERE = "https://elsewhere.example"
ORDER = {"query": LAUNCH, "variables": {"parameters": launch_parameters("process_leads")}}
ORDER_IN_ADDRESS = "/graphql?" + urlencode({"query": LAUNCH, "variables": json.dumps(ORDER["variables"])})
JSON = "application/json"
REPORTS = ("/report_asset_materialization/leads/deliveries", "/report_asset_check/leads/deliveries")
REPORT = {"asset_key": ["leads", "deliveries"], "check_name": "delivering", "passed": True}
DONE = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM event_logs WHERE dagster_event_type LIKE 'ASSET%')"


@pytest.fixture(autouse=True)
def nothing_started(system: System) -> Iterator[None]:
    """After every test here there are as many runs, materializations and checks as before."""
    address = system.settings.dagster_database_url
    before = system.rows(address, DONE)
    yield
    assert system.rows(address, DONE) == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_for_a_foreign_host_is_refused(system: System, method: str) -> None:
    headers = {"Host": "elsewhere.example", "Content-Type": JSON}
    assert requests.request(method, system.ui, headers=headers, timeout=5).status_code == 403


@pytest.mark.parametrize("origin", [ELSEWHERE, "null", "http://127.0.0.1:1", "http://127.0.0.1"])
def test_an_order_from_a_foreign_page_is_refused(system: System, origin: str) -> None:
    answer = requests.post(f"{system.ui}/graphql", json=ORDER, headers={"Origin": origin}, timeout=5)
    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [ORDER_IN_ADDRESS, ORDER_IN_ADDRESS.replace("?", "/?")])
def test_graphql_is_not_served_to_plain_links_and_images(system: System, method: str, path: str) -> None:
    assert requests.request(method, system.ui + path, timeout=5, allow_redirects=False).status_code == 403


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "text/plain; application/json", "application/x-www-form-urlencoded", "multipart/form-data", ""],
)
def test_graphql_is_not_served_to_forms(system: System, kind: str) -> None:
    body = urlencode(ORDER) if "form" in kind else json.dumps(ORDER)
    answer = requests.post(f"{system.ui}/graphql", body, headers={"Content-Type": kind}, timeout=5)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", REPORTS)
@pytest.mark.parametrize("headers", [{"Origin": ELSEWHERE}, {"Content-Type": "text/plain"}])
def test_a_foreign_page_cannot_report_results(system: System, path: str, headers: dict[str, str]) -> None:
    everything = {"Content-Type": JSON, **headers}
    answer = requests.post(system.ui + path, json.dumps(REPORT), headers=everything, timeout=5)
    assert answer.status_code == 403


@pytest.mark.parametrize(("origin", "status"), [(ELSEWHERE, 403), ("null", 403), (None, 101)])
def test_a_websocket_opens_for_our_own_page_only(system: System, origin: str | None, status: int) -> None:
    assert _handshake(system.ui, origin or system.ui) == status


def test_our_own_page_is_served_and_nobody_may_frame_it(system: System) -> None:
    page = requests.get(system.ui, timeout=5)
    assert (page.status_code, page.headers["X-Frame-Options"]) == (200, "DENY")
    question = {"query": "{ version }"}
    answer = requests.post(f"{system.ui}/graphql", json=question, headers={"Origin": system.ui}, timeout=5)
    assert answer.json()["data"]["version"]


def test_a_page_of_another_site_in_a_real_browser_launches_nothing(system: System, browser: Browser) -> None:
    statuses: dict[tuple[str, str], int] = {}

    def note(response: Response) -> None:
        if response.url.startswith(system.ui):
            statuses[response.request.method, response.request.resource_type] = response.status

    with _site(_hostile_page(system.ui)) as site, browser.new_context() as context:
        page = context.new_page()
        page.on("response", note)
        page.goto(site)
        page.wait_for_function("document.title === 'tried'")
    assert statuses == {("GET", "image"): 403, ("POST", "fetch"): 403, ("POST", "document"): 403}


def _handshake(ui: str, origin: str) -> int:
    """The status that the web server answers a WebSocket's handshake with."""
    where = urlsplit(ui)
    assert where.port
    lines = [
        "GET /graphql HTTP/1.1",
        f"Host: {where.netloc}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: graphql-ws",
        f"Origin: {origin}",
    ]
    with socket.create_connection(("127.0.0.1", where.port), timeout=5) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(connection.recv(100).split()[1])


def _hostile_page(ui: str) -> bytes:
    """Tries what a browser lets any page send: an image, a fetch that needs no permission, and a form."""
    order = json.dumps(ORDER)
    return f"""<!doctype html><title>trying</title><img id="image" alt="">
        <iframe name="inside"></iframe>
        <form method="post" action="{ui}/graphql" enctype="text/plain" target="inside"><input name="order"></form>
        <script>
          const form = document.forms[0], image = document.getElementById("image"), order = {order};
          form.order.name = JSON.stringify(order).slice(0, -1) + ', "rest": "';
          form.order.value = '"}}';
          const shown = new Promise((done) => {{ image.onerror = done; image.onload = done; }});
          image.src = {json.dumps(ui + ORDER_IN_ADDRESS)};
          const fetched = ["text/plain; application/json", "application/json"].map((type) => fetch("{ui}/graphql", {{
            method: "POST", mode: type.startsWith("text/plain") ? "no-cors" : "cors",
            headers: {{ "Content-Type": type }}, body: JSON.stringify(order),
          }}).catch(() => null));
          const posted = new Promise((done) => {{ document.querySelector("iframe").onload = done; }});
          form.submit();
          Promise.all([shown, posted, ...fetched]).then(() => {{ document.title = "tried"; }});
        </script>""".encode()


@contextmanager
def _site(page: bytes) -> Iterator[str]:
    """A web site on a port of its own, with one page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *arguments: object) -> None:
            """Not into the tests' output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
