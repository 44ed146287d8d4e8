"""The statements about deliveries: what is due, claimed, settled, taken over, looked up."""

from sqlalchemy import text

from cep_orchestration.database.home import AT_HOME
from cep_orchestration.leads.sql import GONE, OPEN

# The first claims may be as large as they come. What failed once goes again in small calls, and the last time alone,
# so that a lead that spoils its calls takes nobody with it.
CLAIM = """
WITH {advisors} first AS (
    SELECT CASE d.attempts + d.interruptions WHEN 0 THEN :size WHEN 1 THEN greatest(:size / 10, 1) ELSE 1 END AS size,
           d.attempts + d.interruptions AS failed
    FROM orchestration.deliveries d
    WHERE d.channel = :channel AND d.state = 'pending' AND d.not_before <= now()
    ORDER BY d.not_before, d.lead_id LIMIT 1 FOR UPDATE SKIP LOCKED
), due AS (
    SELECT d.lead_id FROM orchestration.deliveries d
    WHERE d.channel = :channel AND d.state = 'pending' AND d.not_before <= now() AND {at_home} {of_one}
    ORDER BY d.not_before, d.lead_id LIMIT {size} FOR UPDATE OF d SKIP LOCKED
), claimed AS (
    UPDATE orchestration.deliveries d
    SET state = 'sending', attempts = attempts + 1, reason = NULL, claimed_by = :drain, batch = :batch,
        look_up_at = NULL, claimed_at = clock_timestamp()
    FROM due WHERE d.channel = :channel AND d.lead_id = due.lead_id
    RETURNING d.lead_id, d.attempts
)
SELECT c.lead_id, c.attempts, twin.lead_id AS twin, twin.reached, coalesce(twin.waits, 0) AS twin_waits
FROM claimed c JOIN orchestration.leads k USING (lead_id)
LEFT JOIN LATERAL (
    SELECT e.lead_id, e.state IN ('sent', 'unknown') AS reached,
           extract(epoch FROM e.not_before - now())::float AS waits
    FROM orchestration.deliveries e
    WHERE :unique AND k.same_as <> '{{}}' AND e.channel = :channel AND e.lead_id = ANY(k.same_as)
      AND e.state IN ('pending', 'sending', 'sent', 'unknown')
    ORDER BY 2 DESC, e.created_at, e.lead_id LIMIT 1
) AS twin ON true
"""
# An advisor may have several campuses: all that wait for them are one claim, and wait together after the last one.
# One number is written in several ways, with the country or without; the last nine digits are enough to take no two
# messages to one advisor at once.
# The campuses for which something waits are read one by one off the index, however much that is.
DIGITS = "nullif(right(regexp_replace({campus}.advisor_phone, '[^0-9]', '', 'g'), 9), '')"
ADVISORS = f"""
advisors AS (
    SELECT a.id AS campus_id, b.id AS shared_id FROM orchestration.cms_campuses a
    JOIN orchestration.cms_campuses b ON b.id = a.id OR {DIGITS.format(campus="b")} = {DIGITS.format(campus="a")}
), waiting AS (
    (SELECT campus_id FROM orchestration.deliveries WHERE channel = :advisor AND state = 'pending'
     AND campus_id IS NOT NULL ORDER BY campus_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.campus_id FROM orchestration.deliveries d WHERE d.channel = :advisor AND d.state = 'pending'
            AND d.campus_id > w.campus_id ORDER BY d.campus_id LIMIT 1)
    FROM waiting w WHERE w.campus_id IS NOT NULL
), oldest AS (
    SELECT w.campus_id, (SELECT d.not_before FROM orchestration.deliveries d
                         WHERE d.channel = :advisor AND d.state = 'pending' AND d.campus_id = w.campus_id
                         ORDER BY d.not_before LIMIT 1) AS not_before
    FROM waiting w WHERE w.campus_id IS NOT NULL
    UNION ALL
    (SELECT NULL, d.not_before FROM orchestration.deliveries d WHERE d.channel = :advisor AND d.state = 'pending'
     AND d.campus_id IS NULL ORDER BY d.not_before LIMIT 1)
), chosen AS (
    SELECT w.campus_id FROM oldest w
    WHERE w.not_before <= now()
      AND NOT EXISTS (SELECT 1 FROM advisors v JOIN orchestration.deliveries s ON s.campus_id = v.shared_id
                      WHERE v.campus_id = w.campus_id AND s.channel = :advisor AND s.state = 'sent'
                        AND s.settled_at > now() - make_interval(secs => :pace))
      AND NOT EXISTS (SELECT 1 FROM orchestration.deliveries s JOIN advisors v ON s.campus_id = v.shared_id
                      WHERE s.state = 'sending' AND s.channel = :advisor AND v.campus_id = w.campus_id)
    ORDER BY w.not_before LIMIT 1
)
"""  # noqa: S608 - constants
OF_ONE_ADVISOR = """
AND EXISTS (SELECT 1 FROM chosen LEFT JOIN advisors v ON v.campus_id = chosen.campus_id
            WHERE d.campus_id = v.shared_id OR d.campus_id IS NOT DISTINCT FROM chosen.campus_id)
"""
OF_ONE_KIND = "AND d.attempts + d.interruptions = (SELECT failed FROM first)"
CLAIM_ANY = text(CLAIM.format(advisors="", of_one=OF_ONE_KIND, size="(SELECT size FROM first)", at_home=AT_HOME))
CLAIM_ONE_ADVISOR = text(
    CLAIM.format(advisors=f"RECURSIVE {ADVISORS},", of_one=OF_ONE_ADVISOR, size=":size", at_home=AT_HOME)
)

DUE = text(f"""
WITH RECURSIVE {ADVISORS}
SELECT d.channel FROM unnest(CAST(:served AS text[])) AS d (channel)
WHERE {OPEN}
  AND CASE WHEN d.channel = :advisor THEN EXISTS (SELECT 1 FROM chosen)
      ELSE EXISTS (SELECT 1 FROM orchestration.deliveries e
                   WHERE e.channel = d.channel AND e.state = 'pending' AND e.not_before <= now()) END
""")  # noqa: S608 - constants

HOLDS = text(f"""
SELECT {AT_HOME}
   AND EXISTS (SELECT 1 FROM orchestration.deliveries
               WHERE state = 'sending' AND claimed_by = :drain AND channel = :channel AND batch = :batch)
""")  # noqa: S608 - a constant

SETTLE = text("""
UPDATE orchestration.deliveries d
SET state = s.state::orchestration.delivery_state, reason = s.reason, provider_id = s.provider_id,
    not_before = CASE WHEN s.wait_seconds IS NULL THEN d.not_before
                      ELSE clock_timestamp() + make_interval(secs => s.wait_seconds) END,
    look_up_at = clock_timestamp() + make_interval(secs => s.look_up_seconds),
    attempts = greatest(d.attempts - CASE WHEN s.gives_attempt_back THEN 1 ELSE 0 END, 0),
    settled_at = CASE WHEN s.state <> 'pending' THEN clock_timestamp() END
FROM jsonb_to_recordset(CAST(:settlements AS jsonb)) AS s
     (lead_id text, state text, reason text, provider_id text, wait_seconds float, look_up_seconds float,
      gives_attempt_back boolean)
WHERE d.channel = :channel AND d.lead_id = s.lead_id AND d.claimed_by = :drain AND d.batch = :batch
  AND d.state IN ('sending', 'unknown')
""")

# What is to be looked up waits from now on: until this moment its run may have made a call.
# A crash is not the lead's fault and uses up no attempt; one that keeps crashing its runs is dead in the end.
# Rows that somebody holds are left to the next time: a run that was frozen in the middle of a transaction holds some
# for as long as its connection lives, and must not keep all others from being taken over.
TAKE_OVER = text(f"""
WITH gone AS (
    SELECT d.channel, d.lead_id FROM orchestration.deliveries d WHERE {GONE} FOR UPDATE OF d SKIP LOCKED
)
UPDATE orchestration.deliveries d
SET state = CASE WHEN d.channel <> ALL(:repeatable) THEN 'unknown'
                 WHEN d.interruptions + 1 < :most THEN 'pending' ELSE 'dead' END::orchestration.delivery_state,
    interruptions = d.interruptions + 1,
    attempts = greatest(d.attempts - 1, 0),
    reason = :reason,
    not_before = now(),
    look_up_at = CASE WHEN d.channel = ANY(:looked_up) AND d.batch IS NOT NULL
                      THEN now() + make_interval(secs => :look_up) END,
    settled_at = CASE WHEN d.channel <> ALL(:repeatable) OR d.interruptions + 1 >= :most THEN now() END
FROM gone WHERE d.channel = gone.channel AND d.lead_id = gone.lead_id
RETURNING d.channel, d.lead_id, d.state, d.reason, CASE WHEN d.look_up_at IS NOT NULL THEN :look_up END AS look_up
""")  # noqa: S608 - constants

WAITING_SOON = text(f"""
SELECT EXISTS (SELECT 1 FROM unnest(CAST(:channels AS text[])) AS d (channel)
               WHERE {OPEN} AND EXISTS (SELECT 1 FROM orchestration.deliveries e WHERE e.channel = d.channel
                                        AND e.state = 'pending' AND e.not_before < now() + interval '10 seconds'))
    OR EXISTS (SELECT 1 FROM orchestration.deliveries WHERE state = 'sending' AND claimed_by = :drain)
    OR EXISTS (SELECT 1 FROM orchestration.deliveries
               WHERE channel = ANY(:channels) AND look_up_at < now() + interval '10 seconds')
""")  # noqa: S608 - constants

# Who asks about a batch has a minute for it; then another may. Unknown ones (the last of the states) come before those
# that were only accepted: somebody may wait for them.
NEXT_LOOK_UP = text("""
WITH next AS (
    SELECT batch FROM orchestration.deliveries
    WHERE channel = :channel AND look_up_at <= now() AND batch IS NOT NULL
    ORDER BY state DESC, look_up_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE orchestration.deliveries d SET look_up_at = now() + interval '1 minute'
FROM next WHERE d.channel = :channel AND d.batch = next.batch AND d.look_up_at IS NOT NULL
RETURNING d.batch, d.lead_id, d.attempts, d.interruptions, d.state::text, d.claimed_at
""")
CONTROL = text("""
SELECT batch FROM orchestration.deliveries
WHERE channel = :channel AND state = 'sent' AND batch <> :batch
  AND settled_at BETWEEN now() - interval '25 days' AND now() - make_interval(secs => :look_up)
ORDER BY settled_at DESC LIMIT 1
""")
# «Accepted» is asked about for a day; then it stays as it is.
CONCLUDE = text("""
UPDATE orchestration.deliveries d
SET state = s.state::orchestration.delivery_state, reason = s.reason,
    provider_id = coalesce(s.provider_id, d.provider_id),
    not_before = CASE WHEN s.wait_seconds IS NULL THEN d.not_before
                      ELSE now() + make_interval(secs => s.wait_seconds) END,
    look_up_at = CASE WHEN d.settled_at > now() - interval '1 day'
                      THEN now() + make_interval(secs => s.look_up_seconds) END,
    settled_at = CASE WHEN s.state = 'pending' THEN NULL WHEN s.state <> d.state::text THEN now() ELSE d.settled_at END
FROM jsonb_to_recordset(CAST(:settlements AS jsonb)) AS s
     (lead_id text, state text, reason text, provider_id text, wait_seconds float, look_up_seconds float)
WHERE d.channel = :channel AND d.lead_id = s.lead_id AND d.batch = :batch AND d.look_up_at IS NOT NULL
  AND (d.state = 'unknown' OR d.state = 'sent' AND s.state <> 'pending')
""")
