"""Every fault of every provider: what becomes of the leads right after it, while it lasts, and once it is gone.

`pytest -s -k fault_matrix` prints the table.
"""

from collections.abc import Iterator, Mapping

import pytest

from cep_orchestration.leads.store import Ledger
from cep_orchestration_tests.demo_cms import RULES, DemoCms
from cep_orchestration_tests.leads.fault_matrix import FAULTS, PROVIDERS, expected, shown
from cep_orchestration_tests.leads.fault_runs import Seen, play
from cep_orchestration_tests.postgres import connected, temporary_database
from cep_orchestration_tests.providers import running_sandbox

CELLS = expected()


class Matrix:
    """What was seen of each fault, which is played when it is first asked about."""

    def __init__(self, server: str, demo: str, sandbox: str) -> None:
        self._server, self._demo, self._sandbox = server, demo, sandbox
        self._seen: dict[str, Mapping[str, Seen]] = {}

    def seen(self, fault: str, provider: str) -> Seen:
        if fault not in self._seen:
            [played] = [one for one in FAULTS if one.name == fault]
            with temporary_database(self._server, self._demo) as address, connected(address) as engine:
                self._seen[fault] = play(played, DemoCms(engine, Ledger(engine, RULES)), self._sandbox)
        return self._seen[fault][provider]


@pytest.fixture(scope="module")
def matrix(postgres_server: str, prepared_demo: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    store = tmp_path_factory.mktemp("sandbox") / "sandbox.db"
    with running_sandbox(store, pair_seconds=0, searches_a_minute=1_000) as sandbox:
        yield Matrix(postgres_server, prepared_demo, sandbox)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs end as soon as there is nothing to do."""
    monkeypatch.setattr("cep_orchestration.leads.drain.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("cep_orchestration.leads.drain.POLL_SECONDS", 0.01)


@pytest.mark.parametrize(("fault", "provider"), CELLS, ids=str)
def test_each_cell_of_the_fault_matrix_is_as_expected(matrix: Matrix, fault: str, provider: str) -> None:
    assert matrix.seen(fault, provider) == CELLS[fault, provider]


def test_the_fault_matrix_as_it_was_seen(matrix: Matrix) -> None:
    seen = {cell: matrix.seen(*cell) for cell in CELLS}
    print(f"\n{shown(seen)}")
    assert shown(seen) == shown(CELLS)


def test_nobody_is_reached_twice_or_lost_without_a_word() -> None:
    """Who was not reached is dead, and people were told."""
    for cell, seen in CELLS.items():
        taken = seen.taken.split()
        assert set(taken) <= {"0", "1"}, cell
        assert "pending" not in seen.end, cell
        assert taken.count("0") == (int(seen.end.split()[-2]) if seen.end.endswith("dead") else 0), cell
        assert "pending" not in seen.after or seen.alerts, cell
        assert ("dead" in seen.after) == ("dead" in seen.alerts), cell
        assert ("unknown" in seen.after) == ("unknown" in seen.alerts), cell
        assert any(pause in seen.lasting for pause in ("outage", "account")) == ("paused" in seen.alerts), cell


def test_the_fault_matrix_has_every_fault_and_every_provider() -> None:
    assert {fault for fault, _ in CELLS} == {fault.name for fault in FAULTS}
    assert {provider for _, provider in CELLS} == set(PROVIDERS)
