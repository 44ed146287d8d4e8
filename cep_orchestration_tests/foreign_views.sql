-- The CMS contract for foreign_cms.sql.
CREATE VIEW orchestration.cms_leads AS
SELECT id::text AS id, created_at, concat_ws(' ', first_name, last_name) AS name, email::text AS email,
       phone::text AS phone, campus_id::text AS campus_id, course_id::text AS course_run_id, NULL::text AS campaign_id,
       CASE WHEN gdpr_consent THEN consent_timestamp END AS consent_at, NULL::boolean AS marketing_consent
FROM cms.leads WHERE deleted_at IS NULL;

CREATE VIEW orchestration.cms_campuses AS
SELECT id::text AS id, title::text AS name, NULL::text AS city, NULL::text AS email, NULL::text AS advisor_phone
FROM cms.campuses;

CREATE VIEW orchestration.cms_course_runs AS
SELECT id::text AS id, id::text AS course_id, title::text AS course_name, NULL::text AS campus_id, NULL::date AS start_date
FROM cms.courses;

CREATE VIEW orchestration.cms_campaigns AS
SELECT id::text AS id, name::text AS name, NULL::text AS status, NULL::text AS meta_campaign_id, NULL::numeric AS budget,
       NULL::numeric AS impressions, NULL::numeric AS clicks, NULL::numeric AS spent, NULL::numeric AS cpl,
       NULL::date AS start_date, NULL::date AS end_date
FROM cms.campaigns;

CREATE VIEW orchestration.cms_media AS
SELECT NULL::text AS id, NULL::text AS filename, NULL::text AS mime_type, NULL::numeric AS filesize WHERE false;
