-- The CMS contract: what the pipelines read of the CMS, as five views in our own schema.
-- This file maps a Payload CMS with serial ids in the schema public. An installation whose CMS differs writes its own
-- file with the same views and columns and names it in CMS_VIEWS_FILE; what its CMS lacks is mapped to NULL (docs/cms.md).
-- Ids are text here. Trashed leads and drafts do not belong in cms_leads.

CREATE VIEW orchestration.cms_leads AS
SELECT id::text                        AS id,
       created_at                      AS created_at,
       name::text                      AS name,
       email::text                     AS email,
       phone::text                     AS phone,
       campus_id::text                 AS campus_id,
       course_run_id::text             AS course_run_id,
       campaign_id::text               AS campaign_id,
       consent_date                    AS consent_at,
       marketing_consent               AS marketing_consent
FROM public.leads;

CREATE VIEW orchestration.cms_campuses AS
SELECT id::text            AS id,
       name::text          AS name,
       city::text          AS city,
       email::text         AS email,
       advisor_phone::text AS advisor_phone
FROM public.campuses;

CREATE VIEW orchestration.cms_course_runs AS
SELECT r.id::text          AS id,
       r.course_id::text   AS course_id,
       c.name::text        AS course_name,
       r.campus_id::text   AS campus_id,
       r.start_date        AS start_date
FROM public.course_runs r
LEFT JOIN public.courses c ON c.id = r.course_id;

CREATE VIEW orchestration.cms_campaigns AS
SELECT id::text                AS id,
       name::text              AS name,
       status::text            AS status,
       meta_campaign_id::text  AS meta_campaign_id,
       budget                  AS budget,
       impressions             AS impressions,
       clicks                  AS clicks,
       spent                   AS spent,
       cpl                     AS cpl,
       start_date              AS start_date,
       end_date                AS end_date
FROM public.campaigns;

CREATE VIEW orchestration.cms_media AS
SELECT id::text         AS id,
       filename::text   AS filename,
       mime_type::text  AS mime_type,
       filesize         AS filesize
FROM public.media;
