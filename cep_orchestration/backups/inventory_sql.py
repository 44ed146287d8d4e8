"""What a database holds, asked of its catalogs: which tables, and one line for each thing that a restore must bring
back as it was. Read with `pg_catalog` as the search path, so that names are printed with their schemas everywhere.

Left out: what a restore may rightly change (owners, rights, ids, the order of columns, values of sequences), the
members of extensions, and what a partition has from its table.
"""

# ruff: noqa: S608 - what is put together is ours

OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
"""`n`: pg_namespace."""


def _free(catalog: str, alias: str) -> str:
    """That a row is no member of an extension."""
    return (
        f"NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.deptype = 'e' AND e.classid = '{catalog}'::regclass"
        f" AND e.objid = {alias}.oid)"
    )


RELATION = f"(pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace AND {OURS} AND {_free('pg_class', 'c')})"
TYPE = f"(pg_type AS y JOIN pg_namespace AS n ON n.oid = y.typnamespace AND {OURS} AND {_free('pg_type', 'y')})"
NAME = "format('%I.%I', n.nspname, c.relname)"

TABLES = f"SELECT {NAME} FROM {RELATION} WHERE c.relkind = 'r' ORDER BY 1"
"""Every table with rows of its own."""

HEAD = "SELECT to_regclass('orchestration.alembic_version') IS NOT NULL"
HEAD_VALUE = "SELECT max(version_num) FROM orchestration.alembic_version"

FOREIGN_KEYS = f"""
SELECT count(*) FROM pg_constraint AS k JOIN {RELATION} ON c.oid = k.conrelid
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.convalidated
"""

LINES = {
    "schema": f"SELECT n.nspname FROM pg_namespace AS n WHERE {OURS} AND n.nspname <> 'public'"
    f" AND {_free('pg_namespace', 'n')}",
    "extension": "SELECT extname FROM pg_extension",
    "relation": f"""
        SELECT concat_ws(' ', {NAME}, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
            pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
            (SELECT string_agg(i.inhparent::regclass::text, ',' ORDER BY i.inhseqno)
             FROM pg_inherits AS i WHERE i.inhrelid = c.oid))
        FROM {RELATION} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')""",
    "column": f"""
        SELECT concat_ws(' ', {NAME}, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
            a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
        FROM {RELATION} JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')""",
    # Those of NOT NULL are rows of this catalog since PostgreSQL 18, and columns say it anyway.
    "constraint": f"""
        SELECT concat_ws(' ', {NAME}, quote_ident(k.conname), k.convalidated, pg_get_constraintdef(k.oid))
        FROM pg_constraint AS k JOIN {RELATION} ON c.oid = k.conrelid
        WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND k.conparentid = 0""",
    # pg_dump leaves out those that were never finished.
    "index": f"""
        SELECT pg_get_indexdef(x.indexrelid) FROM pg_index AS x JOIN {RELATION} ON c.oid = x.indrelid
        WHERE x.indisvalid AND c.relkind IN ('r', 'p', 'm')""",
    # Of views and rules: what they are made of. Their text comes back with other names for unnamed columns.
    "rule": f"""
        SELECT DISTINCT concat_ws(' ', {NAME}, quote_ident(r.rulename), r.ev_type, r.is_instead, i.type, i.identity)
        FROM pg_rewrite AS r JOIN {RELATION} ON c.oid = r.ev_class
        JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        CROSS JOIN pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) AS i""",
    "trigger": f"""
        SELECT concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid))
        FROM pg_trigger AS t JOIN {RELATION} ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgparentid = 0""",
    "policy": f"""
        SELECT concat_ws(' ', {NAME}, quote_ident(p.polname), p.polcmd, p.polpermissive,
            pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
        FROM pg_policy AS p JOIN {RELATION} ON c.oid = p.polrelid""",
    # The body of one that was written as a query is printed as a view's is.
    "function": f"""
        SELECT CASE WHEN to_jsonb(p) ->> 'prosqlbody' IS NULL THEN pg_get_functiondef(p.oid)
            ELSE concat_ws(' ', p.oid::regprocedure, pg_get_function_result(p.oid)) END
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace AND {OURS}
        WHERE p.prokind <> 'a' AND {_free("pg_proc", "p")}""",
    "enum": f"""
        SELECT concat_ws(' ', format_type(y.oid, NULL),
            string_agg(quote_literal(l.enumlabel), ',' ORDER BY l.enumsortorder))
        FROM pg_enum AS l JOIN {TYPE} ON y.oid = l.enumtypid GROUP BY y.oid""",
    "domain": f"""
        SELECT concat_ws(' ', format_type(y.oid, NULL), format_type(y.typbasetype, y.typtypmod), y.typnotnull,
            y.typdefault)
        FROM {TYPE} WHERE y.typtype = 'd'""",
    "domain constraint": f"""
        SELECT concat_ws(' ', format_type(y.oid, NULL), quote_ident(k.conname), k.convalidated,
            pg_get_constraintdef(k.oid))
        FROM pg_constraint AS k JOIN {TYPE} ON y.oid = k.contypid WHERE k.contype = 'c'""",
    "sequence": f"""
        SELECT concat_ws(' ', {NAME}, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
            s.seqcache, s.seqcycle) FROM pg_sequence AS s JOIN {RELATION} ON c.oid = s.seqrelid""",
}
"""By kind of thing; each gives lines of text."""
