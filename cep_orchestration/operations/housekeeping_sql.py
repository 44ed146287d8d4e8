"""The statements that take ended runs, and what belongs to nothing any more, out of Dagster's database. They rely on
the tables as housekeeping_schema has them. Dagster's times without a zone are UTC."""

from sqlalchemy import text

FINISHED = "('SUCCESS', 'FAILURE', 'CANCELED')"
# What the UI shows of an asset and of a check today: the last materialization and the last observation of each
# partition, or of the asset where it has none, and the last evaluation of each check.
SHOWN = """
SELECT max(id) FROM event_logs
WHERE asset_key IS NOT NULL AND dagster_event_type IN ('ASSET_MATERIALIZATION', 'ASSET_OBSERVATION')
GROUP BY asset_key, dagster_event_type, partition
"""
KEPT = f"""
SELECT run_id FROM event_logs WHERE id IN ({SHOWN})
UNION
SELECT run_id FROM asset_check_executions
WHERE id IN (SELECT max(id) FROM asset_check_executions
             WHERE execution_status IN ('SUCCEEDED', 'FAILED') GROUP BY asset_key, check_name, partition)
"""  # noqa: S608 - constants of this module

# A run that still holds a slot of a pool, or waits for one, would hold it for ever.
MARK = (
    text("CREATE TEMPORARY TABLE going (id bigint PRIMARY KEY, run_id text NOT NULL UNIQUE)"),
    text(f"""
INSERT INTO going
SELECT r.id, r.run_id FROM runs r
WHERE r.status IN {FINISHED}
  AND coalesce(r.end_time, extract(epoch FROM r.update_timestamp))
      < CASE r.status WHEN 'SUCCESS' THEN :successful_before ELSE :failed_before END
  AND NOT EXISTS (SELECT 1 FROM concurrency_slots s WHERE s.run_id = r.run_id)
  AND NOT EXISTS (SELECT 1 FROM pending_steps p WHERE p.run_id = r.run_id)
  AND r.run_id NOT IN (SELECT k.run_id FROM ({KEPT}) k WHERE k.run_id IS NOT NULL)
"""),  # noqa: S608 - as above
    text("ANALYZE going"),
)
UNMARK = text("DROP TABLE IF EXISTS pg_temp.going")
CLEAR = text("TRUNCATE going")
COUNT = text("""
SELECT (SELECT count(*) FROM going) AS runs,
       (SELECT count(*) FROM event_logs e JOIN going g ON g.run_id = e.run_id) AS events,
       (SELECT count(*) FROM asset_check_executions c JOIN going g ON g.run_id = c.run_id) AS checks
""")

# One that somebody else has locked is left for the next night.
BATCH = text(f"""
SELECT g.id, g.run_id FROM going g JOIN runs r ON r.run_id = g.run_id
WHERE g.id > :after AND r.status IN {FINISHED}
ORDER BY g.id LIMIT :most FOR UPDATE OF r SKIP LOCKED
""")  # noqa: S608 - as above
REMOVE_EVENT_TAGS = text("""
DELETE FROM asset_event_tags WHERE event_id IN (SELECT id FROM event_logs WHERE run_id = ANY(:runs))
""")
REMOVE_EVENTS = text("DELETE FROM event_logs WHERE run_id = ANY(:runs)")
REMOVE_CHECKS = text("DELETE FROM asset_check_executions WHERE run_id = ANY(:runs)")
REMOVE_RUNS = text("DELETE FROM runs WHERE run_id = ANY(:runs)")

# Statements on what is left over, each as the condition of its rows, for counting and for removing alike. A row of
# `going` is a run that counts as removed.
STAYS = "NOT EXISTS (SELECT 1 FROM going g WHERE g.run_id = r.run_id)"
OLD_BACKFILLS = f"""
bulk_actions b
WHERE b.status IN ('COMPLETED', 'COMPLETED_SUCCESS', 'COMPLETED_FAILED', 'FAILED', 'CANCELED')
  AND extract(epoch FROM b.timestamp)
      < CASE b.status WHEN 'COMPLETED_SUCCESS' THEN :successful_before ELSE :failed_before END
  AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.backfill_id = b.key AND {STAYS})
"""  # noqa: S608 - as above
UNUSED_SNAPSHOTS = f"""
snapshots s
WHERE s.snapshot_id NOT IN (SELECT r.snapshot_id FROM runs r WHERE r.snapshot_id IS NOT NULL AND {STAYS})
  AND s.snapshot_id NOT IN (
      SELECT r.run_body::json ->> 'execution_plan_snapshot_id' FROM runs r
      WHERE r.run_body::json ->> 'execution_plan_snapshot_id' IS NOT NULL AND {STAYS})
"""  # noqa: S608 - as above
# What Dagster notes of an asset outside of any run: a change of its freshness, or what somebody reported by hand.
OLD_LOOSE_EVENTS = """
event_logs e
WHERE e.run_id = '' AND extract(epoch FROM e.timestamp) < :failed_before
  AND e.id NOT IN (SELECT max(id) FROM event_logs WHERE run_id = '' GROUP BY asset_key, dagster_event_type, partition)
"""
COUNT_BACKFILLS = text(f"SELECT count(*) FROM {OLD_BACKFILLS}")  # noqa: S608 - as above
COUNT_SNAPSHOTS = text(f"SELECT count(*) FROM {UNUSED_SNAPSHOTS}")  # noqa: S608 - as above
COUNT_LOOSE_EVENTS = text(f"SELECT count(*) FROM {OLD_LOOSE_EVENTS}")  # noqa: S608 - as above
REMOVE_BACKFILLS = text(f"""
WITH gone AS (DELETE FROM bulk_actions WHERE id IN (SELECT b.id FROM {OLD_BACKFILLS} LIMIT :most) RETURNING key)
, tags AS (DELETE FROM backfill_tags WHERE backfill_id IN (SELECT key FROM gone))
SELECT count(*) FROM gone
""")  # noqa: S608 - as above
REMOVE_SNAPSHOTS = text(f"""
WITH gone AS (DELETE FROM snapshots WHERE id IN (SELECT s.id FROM {UNUSED_SNAPSHOTS} LIMIT :most) RETURNING 1)
SELECT count(*) FROM gone
""")  # noqa: S608 - as above
REMOVE_LOOSE_EVENTS = text(f"""
WITH gone AS (DELETE FROM event_logs WHERE id IN (SELECT e.id FROM {OLD_LOOSE_EVENTS} LIMIT :most) RETURNING id)
, tags AS (DELETE FROM asset_event_tags WHERE event_id IN (SELECT id FROM gone))
SELECT count(*) FROM gone
""")  # noqa: S608 - as above

STRANGERS = text(f"""
SELECT f.name FROM unnest(CAST(:names AS text[])) f (name)
WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.run_id = f.name AND {STAYS})
""")  # noqa: S608 - as above

COLUMNS = text("""
SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema()
""")
REFERENCES = text("""
SELECT conrelid::regclass::text AS holder, confrelid::regclass::text AS target, confdeltype = 'c' AS cascades
FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
""")
BODIES_WITHOUT_PLAN = text("""
SELECT EXISTS (SELECT 1 FROM (SELECT run_body FROM runs ORDER BY id DESC LIMIT 100) newest
               WHERE NOT newest.run_body::jsonb ? 'execution_plan_snapshot_id')
""")
