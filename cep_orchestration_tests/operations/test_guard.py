"""Which requests the web server's guard lets through: a table."""

import pytest

from cep_orchestration.operations.guard import LOCAL_HOSTS, refusal

OURS = {"host": "127.0.0.1:3000"}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("scope", "method", "path", "headers", "served"),
    [
        ("http", "GET", "/runs", OURS, True),
        ("http", "GET", "/runs", {"host": "localhost:3000"}, True),
        ("http", "GET", "/runs", {"host": "[::1]:3000"}, True),
        ("http", "GET", "/runs", {"host": "evil.example"}, False),
        ("http", "GET", "/runs", {"host": "127.0.0.1.evil.example:3000"}, False),
        ("http", "GET", "/runs", {"host": "127.0.0.1:3000.evil.example"}, False),
        ("http", "GET", "/runs", {}, False),
        ("http", "GET", "/runs", OURS | {"origin": "http://evil.example"}, False),
        ("http", "GET", "/graphql", OURS, False),
        ("http", "GET", "/graphql/", OURS, False),
        ("http", "HEAD", "/graphql", OURS, False),
        ("http", "POST", "/graphql", OURS | JSON, True),
        ("http", "POST", "/graphql", OURS | JSON | {"origin": "http://127.0.0.1:3000"}, True),
        ("http", "POST", "/graphql", OURS | JSON | {"origin": "http://127.0.0.1:3001"}, False),
        ("http", "POST", "/graphql", OURS | JSON | {"origin": "null"}, False),
        ("http", "POST", "/graphql", OURS | JSON | {"sec-fetch-site": "cross-site"}, False),
        ("http", "POST", "/graphql", OURS, False),
        ("http", "POST", "/graphql", OURS | {"content-type": "text/plain"}, False),
        ("http", "POST", "/graphql", OURS | {"content-type": "text/plain; application/json"}, False),
        ("http", "POST", "/graphql", OURS | {"content-type": "application/json; charset=utf-8"}, True),
        ("http", "POST", "/report_asset_materialization/x", OURS | {"content-type": "text/plain"}, False),
        ("websocket", "GET", "/graphql", OURS, True),
        ("websocket", "GET", "/graphql", OURS | {"origin": "http://127.0.0.1:3000"}, True),
        ("websocket", "GET", "/graphql", OURS | {"origin": "http://evil.example"}, False),
        ("websocket", "GET", "/graphql", {"host": "evil.example"}, False),
    ],
)
def test_only_the_uis_own_requests_are_served(
    scope: str, method: str, path: str, headers: dict[str, str], served: bool
) -> None:
    assert (refusal(scope, method, path, headers, LOCAL_HOSTS) is None) is served


def test_a_host_name_that_was_allowed_is_served() -> None:
    headers = {"host": "dagster.cep.es", "origin": "https://dagster.cep.es"} | JSON
    assert refusal("http", "POST", "/graphql", headers, {"dagster.cep.es"}) is None
    assert refusal("http", "POST", "/graphql", headers, LOCAL_HOSTS) is not None
