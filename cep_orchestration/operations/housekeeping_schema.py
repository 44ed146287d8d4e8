"""What housekeeping relies on in Dagster's database, which belongs to Dagster: where it differs, nothing is removed."""

from collections.abc import Mapping

from sqlalchemy import Connection

from cep_orchestration.failures import CepError
from cep_orchestration.operations.housekeeping_sql import BODIES_WITHOUT_PLAN, COLUMNS, REFERENCES

INTEGER, NAME, LONG, TIME = "bigint", "character varying", "text", "timestamp without time zone"
KNOWN: Mapping[str, Mapping[str, str]] = {
    "runs": {
        "id": INTEGER,
        "run_id": NAME,
        "snapshot_id": NAME,
        "status": NAME,
        "run_body": LONG,
        "update_timestamp": TIME,
        "end_time": "double precision",
        "backfill_id": NAME,
    },
    "run_tags": {"run_id": NAME},
    "event_logs": {
        "id": INTEGER,
        "run_id": NAME,
        "dagster_event_type": LONG,
        "timestamp": TIME,
        "asset_key": LONG,
        "partition": LONG,
    },
    "asset_event_tags": {"event_id": INTEGER},
    "asset_check_executions": {
        "id": INTEGER,
        "run_id": NAME,
        "asset_key": LONG,
        "check_name": LONG,
        "partition": LONG,
        "execution_status": NAME,
    },
    "concurrency_slots": {"run_id": LONG},
    "pending_steps": {"run_id": LONG},
    "snapshots": {"id": INTEGER, "snapshot_id": NAME},
    "bulk_actions": {"id": INTEGER, "key": NAME, "status": NAME, "timestamp": TIME},
    "backfill_tags": {"backfill_id": NAME},
}
"""As Dagster 1.13 makes them."""
LINKS = {"run_id", "event_id", "snapshot_id", "backfill_id"}
"""Columns by which a table holds what belongs to a run, an event, a snapshot or a backfill."""
EXPECTED_REFERENCES = {("runs", "snapshots", False), ("run_tags", "runs", True)}
"""Which table refers to which, and whether its rows go with what they refer to."""


class UnknownSchemaError(CepError):
    """Dagster's tables are not those that housekeeping knows."""


def check_schema(connection: Connection) -> None:
    """Raises UnknownSchemaError unless columns, references and links between tables are exactly the known ones."""
    found: dict[str, dict[str, str]] = {}
    for row in connection.execute(COLUMNS):
        found.setdefault(row.table_name, {})[row.column_name] = row.data_type
    references = {(row.holder, row.target, row.cascades) for row in connection.execute(REFERENCES)}
    differences = [
        *_missing(found),
        *_unknown_links(found),
        *(f"la referencia de {one[0]} a {one[1]}" for one in sorted(references ^ EXPECTED_REFERENCES)),
    ]
    if not differences and connection.execute(BODIES_WITHOUT_PLAN).scalar():
        differences.append("el contenido de runs.run_body")
    if differences:
        raise UnknownSchemaError(
            "No se quita nada: las tablas de Dagster no son las que conoce la limpieza "
            f"({', '.join(dict.fromkeys(differences))}); avise al equipo de desarrollo, que la adapte a esta versión "
            "de Dagster."
        )


def _missing(found: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [
        f"{table}.{column}"
        for table, columns in KNOWN.items()
        for column, kind in columns.items()
        if found.get(table, {}).get(column) != kind
    ]


def _unknown_links(found: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What a newer Dagster may hold of a run, where nobody would take it away."""
    return sorted(
        f"{table}.{column}"
        for table, columns in found.items()
        for column in LINKS.intersection(columns)
        if column not in KNOWN.get(table, {})
    )
