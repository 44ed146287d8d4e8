-- A CMS that differs from the demo's: uuid ids, a schema of its own, names in two columns, other consent columns,
-- a course instead of a course run, no advisor phone, no Meta id.
CREATE SCHEMA cms;
CREATE TABLE cms.campuses (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title varchar NOT NULL);
CREATE TABLE cms.courses (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title varchar NOT NULL);
CREATE TABLE cms.campaigns (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name varchar NOT NULL);
CREATE TABLE cms.leads (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    first_name           varchar NOT NULL,
    last_name            varchar,
    email                varchar,
    phone                varchar,
    campus_id            uuid REFERENCES cms.campuses ON DELETE SET NULL,
    course_id            uuid REFERENCES cms.courses ON DELETE SET NULL,
    gdpr_consent         boolean,
    consent_timestamp    timestamp(3) with time zone,
    deleted_at           timestamp(3) with time zone,
    created_at           timestamp(3) with time zone NOT NULL DEFAULT now()
);
INSERT INTO cms.campuses (title) VALUES ('Campus Norte');
INSERT INTO cms.courses (title) VALUES ('Auxiliar de Veterinaria');
