import json
import sys
from pathlib import Path

import pytest

from cep_orchestration.backups.model import BackupError
from cep_orchestration.backups.tool_process import failure_sentence, running
from cep_orchestration.backups.tools import Tools, find_tools, fits
from cep_orchestration.database.engine import postgres_url
from cep_orchestration_tests.backups.dumping import script

SECRET = "s3cret: «\\ñ'"
ROW = "María Pérez maria@example.com"


def _tools(folder: Path, dump: str, restore: str) -> Path:
    for name, version in (("pg_dump", dump), ("pg_restore", restore)):
        script(folder, name, f"echo '{name} (PostgreSQL) {version}'")
    return folder


def test_tools_are_as_new_as_the_server_and_not_of_those_that_older_servers_refuse() -> None:
    cases = {(15, 15): True, (16, 15): True, (15, 16): False, (18, 18): True, (18, 17): True, (18, 16): False}
    assert {case: fits(Tools(Path(), Path(), f"{case[0]}.1"), case[1]) for case in cases} == cases


def test_tools_of_another_version_are_refused_with_what_is_needed_and_what_to_do(tmp_path: Path) -> None:
    old = _tools(tmp_path / "old", "15.18 (Debian 15.18-0+deb12u1)", "15.18")
    assert find_tools(old, 15).version == "15.18"
    with pytest.raises(BackupError, match=r"PostgreSQL 18 .*18 o posteriores; hay: 15\.18 en .*postgresql-client-18"):
        find_tools(old, 18)
    for useless in (_tools(tmp_path / "mixed", "18.6", "17.1"), tmp_path / "none", _tools(tmp_path / "mute", "", "")):
        with pytest.raises(BackupError, match=r"hay: ninguno.*POSTGRES_TOOLS_DIR"):
            find_tools(useless, 18)


def test_all_of_an_address_reaches_the_tool_and_nobody_sees_it(tmp_path: Path) -> None:
    url = postgres_url(
        "postgresql://me@[::1]/db%20x?sslmode=require&options=-c%20a%3D1&keepalives_idle=7&sslpassword=hidden"
    ).set(password=SECRET)
    program = (
        "import json, os, sys; service = open(os.environ['PGSERVICEFILE']).read();"
        "json.dump([sys.argv, dict(os.environ), service, os.stat(os.environ['PGSERVICEFILE']).st_mode], sys.stdout)"
    )
    tool = script(tmp_path, "pg_dump", f'exec {sys.executable} -I -c "{program}" "$@"')
    with running(tool, ["--more"], url, options="-c b=2") as process:
        arguments, environment, service, mode = json.loads(process.stdout.read())
        process.finish()
    assert dict(line.split("=", 1) for line in service.splitlines()[1:]) == {
        **{"host": "::1", "port": "5432", "dbname": "db x", "user": "me", "password": SECRET, "sslmode": "require"},
        **{"options": "-c a=1 -c b=2", "application_name": "cep_backup", "connect_timeout": "10"},
        **{"keepalives_idle": "7", "keepalives_interval": "10", "keepalives_count": "6", "sslpassword": "hidden"},
    }
    assert arguments[1:] == ["--dbname=service=cep", "--no-password", "--more"]
    assert environment.keys() <= {"PATH", "LC_ALL", "PGSERVICEFILE", "PWD", "SHLVL", "_", "LC_CTYPE"}
    assert mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("pg_dump: error: query failed: ERROR:  permission denied for table leads", "falta permiso sobre leads"),
        ('pg_restore: error: COPY failed for table "a": ERROR:  could not extend file "base/1": '
         "No space left on device", "no queda espacio"),
        ("pg_dump: error: Dumping the contents of table \"a\" failed: PQgetCopyData() failed.\n"
         "pg_dump: detail: Error message from server: server closed the connection unexpectedly", "perdió la conexión"),
        ('pg_restore: error: could not execute query: ERROR:  extension "vector" is not available', '"vector"'),
        (f'pg_restore: error: could not execute query: ERROR:  insert or update on table "visits" violates foreign key '
         f'constraint "visits_fk"\nDETAIL:  Key ({ROW}) is not present.', '"visits_fk" no se cumple'),
        (f'pg_restore: error: COPY failed for table "a": ERROR:  invalid input syntax for type json: "{ROW}"\n'
         f"CONTEXT:  COPY a, line 1: permission denied for table {ROW}", "a mano para ver"),
    ],
)  # fmt: skip
def test_why_a_tool_failed_is_told_without_a_word_of_a_row(said: str, told: str) -> None:
    sentence = failure_sentence("pg_dump", 1, said)
    assert sentence.startswith("pg_dump acabó con el código 1")
    assert told in sentence
    assert not any(word in sentence for word in ROW.split())
