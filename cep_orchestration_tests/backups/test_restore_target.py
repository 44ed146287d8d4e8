"""Whether the database that a restore would fill is the one in use, where nobody can know."""

from dataclasses import replace

import pytest

from cep_orchestration.backups.model import BackupError
from cep_orchestration.backups.restore_target import examine, require_fit
from cep_orchestration_tests.demo_cms import DemoCms


def test_while_the_live_database_does_not_answer_nothing_is_replaced_unless_that_is_said(cms: DemoCms) -> None:
    address = cms.engine.url.render_as_string(hide_password=False)
    silent = address.replace("@127.0.0.1", "@127.0.0.2").replace(":only-for-tests@", ":wrong@")
    cms.engine.dispose()
    unknown = examine(address, silent)
    with pytest.raises(BackupError, match="no se puede saber si es la que está en uso"):
        require_fit(unknown, unknown.tables, into_nonempty=True, live=False)
    require_fit(unknown, unknown.tables, into_nonempty=True, live=True)
    require_fit(replace(unknown, tables=(), plain=frozenset()), (), into_nonempty=False, live=False)
    assert examine(address, address.replace(":only-for-tests@", ":wrong@")).is_live, "its very address"
