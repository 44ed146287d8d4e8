"""How large the tables of a database are, with their indexes and what is stored beside them, and their rows, about."""

from sqlalchemy import text

TABLES = text("""
SELECT n.nspname AS schema, c.relname AS name, pg_total_relation_size(c.oid) AS bytes,
       coalesce(s.n_live_tup, 0) AS rows
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
""")
