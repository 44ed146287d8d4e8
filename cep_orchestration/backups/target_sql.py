"""What somebody put into a database, and how it goes again."""

from cep_orchestration.backups.inventory_sql import OURS

# ruff: noqa: S608 - what is put together is ours

# Whatever can be made in a schema depends on it, and goes with it or with what it is a part of. The schema `public` and
# extensions may have come with the database; what is an inner part, such as the sequence of an identity, goes with it.
THINGS = f"""
SELECT t.class, t.id, i.type, i.identity
FROM (
    SELECT 'pg_namespace'::regclass AS class, n.oid AS id FROM pg_namespace n WHERE {OURS} AND n.nspname <> 'public'
    UNION
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid AND {OURS}
    WHERE d.refclassid = 'pg_namespace'::regclass AND d.deptype = 'n' AND d.classid <> 'pg_extension'::regclass
    UNION
    SELECT 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata
    UNION
    SELECT 'pg_publication'::regclass, oid FROM pg_publication
    UNION
    SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
) AS t CROSS JOIN LATERAL pg_identify_object(t.class, t.id, 0) AS i
WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = t.class AND e.objid = t.id
                  AND e.objsubid = 0 AND e.deptype IN ('e', 'i'))
"""

# All of it, in the transaction that fills the database anew. What went with another is not there any more.
CLEAR = f"""
DO $clear$
DECLARE
    thing record;
BEGIN
    FOR thing IN {THINGS} ORDER BY i.type <> 'schema' LOOP
        IF thing.type = 'large object' THEN
            PERFORM lo_unlink(thing.id);
        ELSE
            EXECUTE format('DROP %s IF EXISTS %s CASCADE',
                CASE
                    WHEN thing.type IN ('function', 'procedure', 'aggregate') THEN 'routine'
                    WHEN thing.type = 'statistics object' THEN 'statistics'
                    ELSE thing.type
                END, thing.identity);
        END IF;
    END LOOP;
END
$clear$;
"""
