"""The statements of the book of alerts. Times are the database's own."""

from sqlalchemy import text

RANK = "array_position(ARRAY['low', 'medium', 'high', 'critical'], {})"
IS_PREPARED = text("SELECT to_regclass('orchestration.alert_lanes') IS NOT NULL")

ADD = text("""
INSERT INTO orchestration.alerts (fingerprint, severity, title, what_to_do, audience, means, run_id)
VALUES (:fingerprint, :severity, :title, :what_to_do, :audience, :means, :run_id)
ON CONFLICT DO NOTHING RETURNING true
""")
# It is told anew when it was over, when the quiet time has passed since it was told, and when it became worse; until
# then it stays as bad as it was told.
AGAIN = text(f"""
UPDATE orchestration.alerts a
SET count = CASE WHEN was.over THEN 1 ELSE a.count + 1 END,
    first_seen = CASE WHEN was.over THEN now() ELSE a.first_seen END, last_seen = now(),
    severity = CASE WHEN was.due THEN :severity ELSE a.severity END,
    title = :title, what_to_do = :what_to_do, audience = :audience, means = :means,
    run_id = CASE WHEN :run_id = '' THEN a.run_id ELSE :run_id END,
    told_at = CASE WHEN was.due THEN NULL ELSE a.told_at END,
    taken_by = CASE WHEN was.due THEN '{{}}' ELSE a.taken_by END,
    failed_by = CASE WHEN was.due THEN '{{}}' ELSE a.failed_by END,
    telling = a.telling + CAST(was.due AS int), owed = a.owed OR was.due, resolved_at = NULL, recovery = NULL
FROM (SELECT fingerprint, resolved_at IS NOT NULL AS over,
             resolved_at IS NOT NULL OR coalesce(told_at <= now() - CAST(:quiet AS interval), false)
             OR {RANK.format("CAST(:severity AS text)")} > {RANK.format("severity")} AS due
      FROM orchestration.alerts WHERE fingerprint = :fingerprint FOR UPDATE) AS was
WHERE a.fingerprint = was.fingerprint
RETURNING was.due
""")  # noqa: S608 - constants
RESOLVE = text("""
UPDATE orchestration.alerts
SET resolved_at = now(), recovery = :title, owed = true, telling = telling + 1, silenced_until = NULL
WHERE fingerprint = :fingerprint AND resolved_at IS NULL
RETURNING severity, resolved_at - first_seen AS lasted
""")
OPEN = text(f"""
SELECT fingerprint, severity, title, count, first_seen AS since, last_seen, run_id,
       CASE WHEN silenced_until > now() THEN silenced_until END AS silenced_until
FROM orchestration.alerts WHERE resolved_at IS NULL AND starts_with(fingerprint, :prefix)
ORDER BY {RANK.format("severity")} DESC, first_seen
""")  # noqa: S608 - a constant
SILENCE = text("""
UPDATE orchestration.alerts SET silenced_until = :until WHERE fingerprint = :fingerprint AND resolved_at IS NULL
RETURNING true
""")
NOTE = text("""
INSERT INTO orchestration.operator_acts (who, act, reason, details)
VALUES (:who, 'silence_alert', :reason, CAST(:details AS jsonb))
""")

IS_OWED = "owed AND (silenced_until IS NULL OR silenced_until <= now())"
AUDIENCES = text(f"SELECT DISTINCT audience FROM orchestration.alerts WHERE {IS_OWED}")  # noqa: S608 - a constant
OWED = text(f"""
SELECT fingerprint, severity, title, what_to_do, audience, means, run_id, count, first_seen, recovery,
       resolved_at - first_seen AS lasted, telling, taken_by, failed_by, known_by
FROM orchestration.alerts WHERE {IS_OWED} AND audience = :audience
ORDER BY {RANK.format("severity")} DESC, first_seen, fingerprint
""")  # noqa: S608 - constants
TOLD = text("""
UPDATE orchestration.alerts a
SET known_by = CASE WHEN t.over THEN array_remove(a.known_by, :way)
               ELSE array_append(array_remove(a.known_by, :way), :way) END,
    taken_by = CASE WHEN a.telling = t.telling AND NOT t.over THEN array_append(a.taken_by, :way) ELSE a.taken_by END,
    told_at = CASE WHEN a.telling = t.telling AND NOT t.over THEN coalesce(a.told_at, now()) ELSE a.told_at END,
    owed = a.owed OR a.resolved_at IS NOT NULL
FROM unnest(CAST(:fingerprints AS text[]), CAST(:tellings AS bigint[]), CAST(:overs AS boolean[]))
     AS t (fingerprint, telling, over)
WHERE a.fingerprint = t.fingerprint
""")
FAILED = text("""
UPDATE orchestration.alerts a SET failed_by = array_append(array_remove(a.failed_by, :way), :way)
FROM unnest(CAST(:fingerprints AS text[]), CAST(:tellings AS bigint[])) AS t (fingerprint, telling)
WHERE a.fingerprint = t.fingerprint AND a.telling = t.telling
""")
# Where nobody wants an alert the log was enough: it counts as told.
FINISH = text("""
UPDATE orchestration.alerts a
SET owed = false, told_at = CASE WHEN a.resolved_at IS NULL THEN coalesce(a.told_at, now()) ELSE a.told_at END
FROM unnest(CAST(:fingerprints AS text[]), CAST(:tellings AS bigint[])) AS t (fingerprint, telling)
WHERE a.fingerprint = t.fingerprint AND a.telling = t.telling
""")

# Until the end of the transaction nobody else claims the lane; a clock that was put back holds it up for no longer.
CLAIM = text("""
INSERT INTO orchestration.alert_lanes AS l (lane) VALUES (:lane)
ON CONFLICT (lane) DO UPDATE SET lane = excluded.lane
WHERE l.leased_until < now() OR l.leased_until > now() + CAST(:lease AS interval)
RETURNING greatest(full_until, now()) - now()
""")
LEASE = text("""
UPDATE orchestration.alert_lanes
SET leased_until = now() + CAST(:lease AS interval), lease = :holder,
    full_until = least(greatest(full_until, now()), now() + CAST(:longest AS interval)) + CAST(:counts AS interval)
WHERE lane = :lane
""")
RELEASE = text("""
UPDATE orchestration.alert_lanes SET leased_until = '-infinity' WHERE lane = :lane AND lease = :holder
""")
