-- What databases have that a dump, a count and a schema's print must survive: names that need quotes, heirs, partitions,
-- domains, things that are switched off or were never checked, and expressions that come back printed otherwise.
CREATE SCHEMA "Odd schema";
CREATE EXTENSION pg_trgm;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
ALTER TYPE mood ADD VALUE 'so so' BEFORE 'ok';
CREATE TYPE pair AS (a integer, b text);
CREATE DOMAIN percent AS numeric(5, 2) DEFAULT 0 CHECK (VALUE BETWEEN 0 AND 100);
CREATE SEQUENCE counter AS smallint INCREMENT 5 CYCLE;

CREATE TABLE "Odd schema"."100% ""odd"":name.s" ("a b" integer PRIMARY KEY, "%s" mood NOT NULL DEFAULT 'ok', gone text);
ALTER TABLE "Odd schema"."100% ""odd"":name.s" DROP COLUMN gone;
INSERT INTO "Odd schema"."100% ""odd"":name.s" VALUES (1, 'sad'), (2, 'happy');

CREATE TABLE people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name varchar(50) NOT NULL COLLATE "C",
    status varchar DEFAULT 'new' CHECK (status IN ('new', 'old')),
    share percent,
    both_names text GENERATED ALWAYS AS (name || ' ' || coalesce(status, '')) STORED,
    both_parts pair,
    seen timestamp(3) with time zone DEFAULT now(),
    CONSTRAINT sane CHECK (length(name) > 0) NOT VALID
);
INSERT INTO people (name, status) SELECT 'Persona ' || n, CASE WHEN n % 2 = 0 THEN 'new' ELSE 'old' END
FROM generate_series(1, 1000) AS n;
CREATE INDEX people_new ON people (lower(name)) WHERE status IN ('new', 'old') AND share > 1;
CREATE UNIQUE INDEX ON people (name, status) INCLUDE (share);
CREATE INDEX ON people USING gin (name gin_trgm_ops);

CREATE TABLE visits (
    person bigint REFERENCES people ON DELETE CASCADE, at date, odd integer, PRIMARY KEY (person, at)
) PARTITION BY RANGE (at);
CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE visits_rest PARTITION OF visits DEFAULT;
INSERT INTO visits SELECT n, date '2025-12-01' + n FROM generate_series(1, 60) AS n;
CREATE TABLE notes (person bigint, text text, EXCLUDE USING btree (person WITH =));
ALTER TABLE notes ADD CONSTRAINT unchecked FOREIGN KEY (person) REFERENCES people NOT VALID;

CREATE TABLE ancestor (a integer, inherited text CHECK (inherited <> ''));
CREATE TABLE heir (own integer) INHERITS (ancestor);
ALTER TABLE ancestor ADD COLUMN later date;
INSERT INTO ancestor VALUES (1, 'x');
INSERT INTO heir VALUES (2, 'y', 3), (3, 'z', 4);
CREATE UNLOGGED TABLE fleeting (a integer);
INSERT INTO fleeting VALUES (1);

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION twice(a integer) RETURNS integer LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT a + a; END;
CREATE AGGREGATE total (integer) (SFUNC = int4pl, STYPE = integer);
CREATE TRIGGER touched BEFORE UPDATE ON people FOR EACH ROW WHEN (OLD.status IN ('new', 'old')) EXECUTE FUNCTION touch();
CREATE TRIGGER off BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE people DISABLE TRIGGER off;
CREATE TRIGGER visited AFTER INSERT ON visits FOR EACH ROW EXECUTE FUNCTION touch();
CREATE VIEW new_people AS SELECT p.*, p.status IN ('new', 'x') AS is_new, now() - interval '1 day' AS since
FROM people AS p LEFT JOIN visits ON visits.person = p.id WHERE p.name LIKE 'P%' AND p.status NOT IN ('a', 'b') ORDER BY 1;
CREATE MATERIALIZED VIEW counted AS SELECT status, count(*) FROM people GROUP BY status;
CREATE UNIQUE INDEX ON counted (status);
CREATE RULE no_notes AS ON DELETE TO notes WHERE OLD.text IN ('a', 'b') DO INSTEAD NOTHING;
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON people USING (status IN ('new', 'old'));
COMMENT ON TABLE people IS 'It''s invented';
