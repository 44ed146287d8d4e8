"""Nothing of a person is anywhere but where it belongs: planted, made to go wrong in every way, and searched for."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest

from cep_orchestration_tests.canary import found, in_database, in_files
from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.flock import Flock, settings
from cep_orchestration_tests.e2e.system import System, free_ports

PLACES: Mapping[str, Callable[[Flock], Iterable[tuple[str, str]]]] = {
    "Dagster's storage": lambda flock: in_database(flock.storage, "public"),
    "our own schema": lambda flock: in_database(flock.cms, "orchestration"),
    "every log and every file of Dagster": lambda flock: in_files(
        flock.system.home / "logs", flock.system.home / "dagster"
    ),
    "the alerts": lambda flock: [(kind, str(flock.system.sent(kind))) for kind in ("alert", "mail")],
    "the launcher's words": lambda flock: [("up", flock.system.said)],
}


@pytest.fixture(scope="module")
def flock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flock]:
    ports = free_ports()
    more = settings(f"http://127.0.0.1:{ports['SANDBOX_PORT']}")
    system = System(tmp_path_factory.mktemp("canary"), ports, more=more)
    flock = Flock(system, Dagster(system.ui))
    try:
        system.start()
        flock.fly()
        yield flock
    finally:
        flock.cms.dispose()
        flock.storage.dispose()
        system.clean_up()
        if system.launcher:
            system.launcher.wait()
        shutil.rmtree(system.folder)


@pytest.mark.parametrize("place", PLACES)
def test_nothing_of_a_person_is_found_in(flock: Flock, place: str) -> None:
    searched = list(PLACES[place](flock))
    assert any(said for _, said in searched), "there was nothing to search"
    assert found(searched, flock.canaries.values()) == set()


def test_the_search_finds_people_where_they_are(flock: Flock) -> None:
    where = {place for place, _ in found(in_database(flock.cms, "public"), flock.canaries.values())}
    assert where == {"public.leads"}


def test_everything_that_can_go_wrong_went_wrong(flock: Flock) -> None:
    fates = [fate for lead in flock.canaries for fate in flock.fates(lead)]
    reasons = " ".join(reason or "" for _, _, reason in fates)
    assert {state for _, state, _ in fates} >= {"sent", "skipped", "dead"}
    for expected in ("erased", "no consent", "duplicate of", "unreadable in the CMS"):
        assert expected in reasons
