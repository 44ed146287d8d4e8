"""How much each store holds: both databases by groups of tables, the bucket by the first part of its keys, the folders
of this machine, and what is left on its disk. Whole bytes."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from cep_orchestration.object_ports import ObjectStore

# With their indexes, and what is stored beside them.
TABLES = text("""
SELECT n.nspname AS schema, c.relname AS name, pg_total_relation_size(c.oid) AS bytes,
       coalesce(s.n_live_tup, 0) AS rows
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
""")


@dataclass(frozen=True)
class Store:
    """`name`: as operators read it. items: rows, about as many, of a database; objects or files otherwise."""

    name: str
    size_bytes: int
    items: int


OWN_SCHEMA = "orchestration"
DAGSTER_GROUPS: Mapping[str, str] = {
    **dict.fromkeys(("runs", "run_tags", "bulk_actions", "backfill_tags"), "Dagster: ejecuciones"),
    "snapshots": "Dagster: definiciones guardadas",
    **dict.fromkeys(("event_logs", "asset_event_tags", "asset_check_executions", "asset_keys"), "Dagster: eventos"),
    **dict.fromkeys(("job_ticks", "asset_daemon_asset_evaluations"), "Dagster: ticks"),
}
OWN_GROUPS: Mapping[str, str] = {
    **dict.fromkeys(("leads", "deliveries", "drains", "live_counts", "operator_acts", "channels"), "CEP: leads"),
    **dict.fromkeys(
        ("ad_account", "ad_campaigns", "campaign_days", "campaign_restatements", "campaign_anomalies"), "CEP: campañas"
    ),
    **dict.fromkeys(("daily_stats", "counted_days", "mailed_reports"), "CEP: estadísticas"),
    **dict.fromkeys(("backups", "media_files", "restore_drills"), "CEP: copias de seguridad"),
    **dict.fromkeys(("alerts", "alert_lanes", "self_tests"), "CEP: avisos"),
    "job_requests": "CEP: peticiones del CMS",
}
DAGSTER_REST, OWN_REST, CMS = "Dagster: lo demás", "CEP: lo demás", "CMS"


def dagster_stores(engine: Engine) -> list[Store]:
    return _summed((DAGSTER_GROUPS.get(name, DAGSTER_REST), size, rows) for _, name, size, rows in _tables(engine))


def business_stores(engine: Engine) -> list[Store]:
    """Our schema by groups, and all else of that database as the CMS's."""
    return _summed(
        (OWN_GROUPS.get(name, OWN_REST) if schema == OWN_SCHEMA else CMS, size, rows)
        for schema, name, size, rows in _tables(engine)
    )


def _tables(engine: Engine) -> Sequence[tuple[str, str, int, int]]:
    with engine.connect() as connection:
        return [(row.schema, row.name, row.bytes, row.rows) for row in connection.execute(TABLES)]


def bucket_stores(bucket: ObjectStore) -> list[Store]:
    """Raises CepError where it cannot be listed."""
    return _summed((f"Bucket: {one.key.partition('/')[0]}", one.size_bytes, 1) for one in bucket.list(""))


def folder_store(name: str, folder: Path) -> Store:
    """Zero where there is no such folder."""
    sizes = [size for root, _, files in os.walk(folder) for file in files if (size := _size(Path(root, file))) >= 0]
    return Store(name, sum(sizes), len(sizes))


def _size(file: Path) -> int:
    """-1: it is gone meanwhile."""
    try:
        return file.lstat().st_size
    except FileNotFoundError:
        return -1


def free_bytes(folder: Path) -> int:
    """On the disk of the folder, for whom this process runs as."""
    return shutil.disk_usage(folder).free


def _summed(parts: Iterable[tuple[str, int, int]]) -> list[Store]:
    """In the order of their names."""
    sums: dict[str, tuple[int, int]] = {}
    for name, size, items in parts:
        known_size, known_items = sums.get(name, (0, 0))
        sums[name] = (known_size + size, known_items + items)
    return [Store(name, *sums[name]) for name in sorted(sums)]
