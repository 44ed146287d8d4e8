"""A watch for the tests of the sensors, which has looked once: what was before is past."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from cep_orchestration_tests.alerts.sensing import Watch
from cep_orchestration_tests.demo_cms import DemoCms


@pytest.fixture
def watch(cms: DemoCms, tmp_path: Path) -> Iterator[Watch]:
    with dg.DagsterInstance.ephemeral(str(tmp_path)) as instance:
        watch = Watch(cms, instance)
        watch.look()
        watch.look_at_checks()
        yield watch
