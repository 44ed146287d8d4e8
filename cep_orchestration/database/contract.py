"""The CMS contract: five views with fixed columns. Makes them from an installation's SQL file and checks them."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from cep_orchestration.failures import SettingError

PACKAGED_VIEWS = Path(__file__).with_name("cms_views.sql")

TEXT = frozenset({"text", "character varying"})
INSTANT = frozenset({"timestamp with time zone"})
NUMBER = frozenset({"numeric", "integer", "bigint", "double precision", "real"})
FLAG = frozenset({"boolean"})

CONTRACT: Mapping[str, Mapping[str, frozenset[str]]] = {
    "cms_leads": {
        "id": TEXT,
        "created_at": INSTANT,
        "name": TEXT,
        "email": TEXT,
        "phone": TEXT,
        "campus_id": TEXT,
        "course_run_id": TEXT,
        "campaign_id": TEXT,
        "consent_at": INSTANT,
        "marketing_consent": FLAG,
    },
    "cms_campuses": {"id": TEXT, "name": TEXT, "city": TEXT, "email": TEXT, "advisor_phone": TEXT},
    "cms_course_runs": {
        "id": TEXT,
        "course_id": TEXT,
        "course_name": TEXT,
        "campus_id": TEXT,
        "start_date": INSTANT | {"date"},
    },
    "cms_campaigns": {
        "id": TEXT,
        "name": TEXT,
        "status": TEXT,
        "meta_campaign_id": TEXT,
        "budget": NUMBER,
        "impressions": NUMBER,
        "clicks": NUMBER,
        "spent": NUMBER,
        "cpl": NUMBER,
        "start_date": INSTANT | {"date"},
        "end_date": INSTANT | {"date"},
    },
    "cms_media": {"id": TEXT, "filename": TEXT, "mime_type": TEXT, "filesize": NUMBER},
}

OPTIONAL: Mapping[str, Mapping[str, frozenset[str]]] = {"cms_leads": {"source": TEXT}}
"""What a view may have; where it does not, nothing is known of it."""
HAS_SOURCE = text("""
SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('orchestration.cms_leads')
                                            AND attname = 'source' AND NOT attisdropped)
""")
LEAD_SOURCE = {True: "nullif(trim(l.source), '')", False: "CAST(NULL AS text)"}
"""Of a row `l` of cms_leads, by whether the view has such a column."""


def make_views(connection: Connection, file: Path) -> None:
    """Makes the views anew when the file has changed since; raises SettingError with what is wrong with it.

    Runs in the caller's transaction, so a file that does not work leaves the views as they were.
    """
    try:
        sql = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"The views file {file} cannot be read as text in UTF-8 ({error}).") from error
    mark = hashlib.sha256(sql.encode()).hexdigest()
    if _mark(connection) == mark and not contract_faults(connection):
        return
    for view in CONTRACT:
        connection.execute(text(f"DROP VIEW IF EXISTS orchestration.{view}"))
    try:
        connection.exec_driver_sql(sql.replace("%", "%%"))
    except DBAPIError as error:
        raise SettingError(_cannot_map(file, error)) from error
    if faults := contract_faults(connection):
        raise SettingError("\n".join(faults))
    connection.execute(text(f"COMMENT ON VIEW orchestration.cms_leads IS '{mark}'"))


def contract_faults(connection: Connection) -> list[str]:
    """One sentence for each view or column that is missing or of a wrong type."""
    rows = connection.execute(
        text(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'orchestration' AND table_name = ANY(:views)"
        ),
        {"views": list(CONTRACT)},
    )
    found: dict[str, dict[str, str]] = {}
    for view, column, kind in rows:
        found.setdefault(view, {})[column] = kind
    return [fault for view, columns in CONTRACT.items() for fault in _view_faults(view, columns, found.get(view))]


def _view_faults(view: str, columns: Mapping[str, frozenset[str]], found: Mapping[str, str] | None) -> list[str]:
    if found is None:
        return [f"The view orchestration.{view} is missing; run «cep migrate» (its SQL is the file of CMS_VIEWS_FILE)."]
    faults = []
    for column, kinds in columns.items():
        wanted = " or ".join(sorted(kinds))
        kind = found.get(column)
        if kind is None:
            faults.append(
                f"The view orchestration.{view} lacks the column {column} ({wanted}); "
                "map it in the views file (NULL if the CMS has no such thing) and run «cep migrate»."
            )
        elif kind not in kinds:
            faults.append(_wrong_type(view, column, kind, kinds))
    faults += [
        _wrong_type(view, column, found[column], kinds)
        for column, kinds in OPTIONAL.get(view, {}).items()
        if column in found and found[column] not in kinds
    ]
    return faults


def _wrong_type(view: str, column: str, kind: str, kinds: frozenset[str]) -> str:
    return (
        f"The column {column} of the view orchestration.{view} is {kind}, but must be {' or '.join(sorted(kinds))}; "
        "cast it in the views file and run «cep migrate»."
    )


def _mark(connection: Connection) -> str | None:
    mark: str | None = connection.execute(
        text("SELECT obj_description(to_regclass('orchestration.cms_leads'), 'pg_class')")
    ).scalar()
    return mark


def _cannot_map(file: Path, error: DBAPIError) -> str:
    said = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
    if missing := re.search(r'relation "(?P<table>[^"]+)" does not exist', said):
        return (
            f"The CMS's database has no table {missing['table']}, which {file.name} maps; "
            "check that CMS_DATABASE_URL names the CMS's database, or map its tables in a file of your own "
            "(CMS_VIEWS_FILE)."
        )
    return f"The views file {file} does not fit this CMS ({said}); correct it and run «cep migrate»."
