"""Nothing of a person is anywhere but where it belongs: planted, made to go wrong in every way, and searched for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cep_orchestration_tests.canary import found, in_database, in_files
from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.flock import Flock, settings
from cep_orchestration_tests.e2e.system import System, free_ports


@pytest.fixture(scope="module")
def flock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flock]:
    import time
    ports = free_ports()
    more = settings(f"http://127.0.0.1:{ports['SANDBOX_PORT']}")
    system = System(tmp_path_factory.mktemp("canary"), ports, more=more)
    flock = Flock(system, Dagster(system.ui))
    try:
        t=time.time()
        system.start()
        print("START", time.time()-t); t=time.time()
        try:
            flock.fly()
        except BaseException:
            with flock.cms.connect() as c:
                from sqlalchemy import text
                for lead in flock.canaries: print(lead, flock.fates(lead))
                print(c.execute(text("select * from orchestration.channels")).all())
                print(c.execute(text("select * from orchestration.drains")).all())
                print(c.execute(text("select * from orchestration.alerts")).all())
            import shutil
            shutil.rmtree("/tmp/canary_home", ignore_errors=True)
            shutil.copytree(flock.system.home/"logs", "/tmp/canary_home")
            raise
        print("FLY", time.time()-t)
        yield flock
    finally:
        system.clean_up()
        system.launcher and system.launcher.wait()
        flock.cms.dispose()
        flock.storage.dispose()
        system.clean_up()


def test_all(flock: Flock) -> None:
    for lead, canary in flock.canaries.items():
        print(lead, canary.name, flock.fates(lead))
    for name, places in {
        "storage": in_database(flock.storage, "public"),
        "own": in_database(flock.cms, "orchestration"),
        "files": in_files(flock.system.home / "logs", flock.system.home / "dagster"),
        "alerts": [(kind, str(flock.system.sent(kind))) for kind in ("alert", "mail")],
        "up": [("up", flock.system.said)],
        "allowed": in_database(flock.cms, "public"),
    }.items():
        places = list(places)
        print(name, [(p, len(t)) for p, t in places])
        print(name, found(places, flock.canaries.values()))
    import shutil
    shutil.rmtree("/tmp/canary_home", ignore_errors=True)
    shutil.copytree(flock.system.home/"logs", "/tmp/canary_home")
