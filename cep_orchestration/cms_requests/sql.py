"""The statements about the CMS's requests. Times are the database's own."""

from sqlalchemy import text

from cep_orchestration.database.home import IS_COPY

LOCK = text("SELECT pg_advisory_xact_lock(216596484)")
OPEN = "state IN ('waiting', 'running', 'joined')"
RECENT = "interval '23 hours'"
"""Within the day that every look for new leads looks through."""
MARK = "r.id || '-' || (extract(epoch FROM r.requested_at) * 1000000)::bigint"
"""A restored copy gives ids out again, and Dagster still knows the runs of the first ones."""

IS_PREPARED = text("SELECT to_regclass('orchestration.job_requests') IS NOT NULL")
LOOK = text(f"""
SELECT {IS_COPY} AS is_copy, EXISTS (SELECT 1 FROM orchestration.job_requests WHERE {OPEN}) AS is_open
""")  # noqa: S608 - constants of this module

REFUSE_FROM_BEFORE = text("""
UPDATE orchestration.job_requests r
SET state = 'refused', payload = '{}', answer = :answer, read_at = coalesce(r.read_at, now()), settled_at = now()
FROM orchestration.installation i WHERE r.state = 'waiting' AND r.requested_at < i.restored_at
""")

# However large or deep a payload is, only the first fields leave the database, without what is in them; an item that
# is too long to be right is cut, or becomes [], and is wrong all the same.
UNREAD = text("""
SELECT r.id, coalesce(left(r.job, 100), '') AS job,
       CASE WHEN jsonb_typeof(r.payload) = 'object' THEN (
           SELECT coalesce(jsonb_object_agg(left(f.key, 100), CASE
                      WHEN jsonb_typeof(f.value) = 'string' THEN to_jsonb(left(f.value #>> '{}', 100))
                      WHEN jsonb_typeof(f.value) IN ('boolean', 'null') THEN f.value
                      WHEN jsonb_typeof(f.value) = 'number' AND length(f.value::text) <= 18 THEN f.value
                      ELSE '[]'::jsonb END), '{}')
           FROM (SELECT key, value FROM jsonb_each(CASE WHEN jsonb_typeof(r.payload) = 'object' THEN r.payload
                                                        ELSE '{}' END)
                 ORDER BY key = ANY(:known) DESC, key LIMIT 10) AS f) END AS fields
FROM orchestration.job_requests r WHERE r.state = 'waiting' AND r.read_at IS NULL
ORDER BY r.id LIMIT :most FOR UPDATE SKIP LOCKED
""")
CAMPAIGNS = text("""
SELECT id, nullif(btrim(meta_campaign_id, E' \\t\\r\\n'), '') AS meta_id FROM orchestration.cms_campaigns
WHERE id = ANY(:ids) OR btrim(meta_campaign_id, E' \\t\\r\\n') = ANY(:ids)
""")
WRITE_READ = text("""
UPDATE orchestration.job_requests r
SET payload = n.payload, read_at = now(), answer = nullif(n.refusal, ''),
    state = CASE WHEN n.refusal = '' THEN 'waiting' ELSE 'refused' END,
    settled_at = CASE WHEN n.refusal <> '' THEN now() END
FROM jsonb_to_recordset(CAST(:verdicts AS jsonb)) AS n (id bigint, payload jsonb, refusal text) WHERE r.id = n.id
""")
REFUSE = text(f"""
UPDATE orchestration.job_requests SET state = 'refused', answer = :answer, settled_at = now()
WHERE id = ANY(:ids) AND {OPEN}
""")  # noqa: S608 - as above

LAUNCHED = text(f"""
SELECT r.id, {MARK} AS mark, r.job, r.payload, r.state FROM orchestration.job_requests r
WHERE r.state IN ('waiting', 'running') AND r.launched_at IS NOT NULL ORDER BY r.id
""")  # noqa: S608 - as above
SEEN = text("""
UPDATE orchestration.job_requests r
SET state = n.state, run_id = n.run_id, answer = n.answer,
    settled_at = CASE WHEN n.state IN ('succeeded', 'failed') THEN now() END
FROM jsonb_to_recordset(CAST(:seen AS jsonb)) AS n (id bigint, state text, run_id text, answer text)
WHERE r.id = n.id AND r.state IN ('waiting', 'running') AND (r.state, r.run_id) IS DISTINCT FROM (n.state, n.run_id)
""")
JOIN = text("""
UPDATE orchestration.job_requests r SET state = 'joined', joined_to = n.leader::bigint
FROM jsonb_each_text(CAST(:joins AS jsonb)) AS n (id, leader) WHERE r.id = n.id::bigint
""")
# Each has its own lead: it shares the answer of a run that failed, and is asked anew where another's lead was told.
SETTLE_JOINED = text("""
UPDATE orchestration.job_requests r SET state = f.state, answer = f.answer, run_id = f.run_id, settled_at = now()
FROM orchestration.job_requests f
WHERE r.state = 'joined' AND f.id = r.joined_to AND f.settled_at IS NOT NULL
  AND (r.job <> 'lead.created' OR f.state = 'failed')
""")
ASK_ANEW = text("""
UPDATE orchestration.job_requests r SET state = 'waiting', joined_to = NULL, run_id = NULL
FROM orchestration.job_requests f
WHERE r.state = 'joined' AND r.job = 'lead.created' AND f.id = r.joined_to AND f.settled_at IS NOT NULL
""")
SHARE_RUN = text("""
UPDATE orchestration.job_requests r SET run_id = f.run_id FROM orchestration.job_requests f
WHERE r.state = 'joined' AND f.id = r.joined_to AND r.run_id IS DISTINCT FROM f.run_id
""")

# What the ledger knows of a lead is the truth, whatever became of a run.
SETTLE_LEADS = text(f"""
UPDATE orchestration.job_requests r
SET state = CASE WHEN k.baseline OR k.held_at IS NOT NULL THEN 'refused' ELSE 'succeeded' END,
    answer = CASE WHEN k.baseline THEN :baseline WHEN k.held_at IS NOT NULL THEN :held
                  WHEN r.launched_at IS NULL AND r.joined_to IS NULL THEN :known ELSE :recorded END,
    settled_at = now()
FROM orchestration.leads k
WHERE k.lead_id = r.payload ->> 'leadId' AND r.job = 'lead.created' AND r.read_at IS NOT NULL AND {OPEN}
""")  # noqa: S608 - as above
OPEN_LEADS = text(f"""
SELECT r.id, r.payload ->> 'leadId' AS lead_id, r.state = 'waiting' AND r.launched_at IS NULL AS is_idle,
       r.read_at < now() - make_interval(secs => :patience) AS is_late
FROM orchestration.job_requests r WHERE r.job = 'lead.created' AND r.read_at IS NOT NULL AND {OPEN}
ORDER BY r.id LIMIT :most
""")  # noqa: S608 - as above
# Their times are indexed in the CMS, so this is asked first; an id that is cast to text is not.
PRESENT_RECENT = text(f"""
SELECT id FROM orchestration.cms_leads WHERE created_at > now() - {RECENT} AND id = ANY(:ids)
""")  # noqa: S608 - as above
PRESENT = text("SELECT id FROM orchestration.cms_leads WHERE id = ANY(:ids)")
SWEEP_NOW = text("UPDATE orchestration.installation SET swept_at = to_timestamp(0) WHERE swept_at > to_timestamp(0)")

CANDIDATES = text(f"""
SELECT r.id, {MARK} AS mark, r.job, r.payload, r.state FROM orchestration.job_requests r
WHERE r.state = 'waiting' AND r.read_at IS NOT NULL AND r.launched_at IS NULL
  AND (r.job <> 'lead.created' OR r.id = ANY(:leads))
ORDER BY r.id LIMIT :most
""")  # noqa: S608 - as above
LAUNCH = text("UPDATE orchestration.job_requests SET launched_at = now() WHERE id = ANY(:ids)")
