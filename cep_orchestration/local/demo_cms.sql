-- The demo CMS: tables, types, keys and indexes as Payload 3 itself makes them on PostgreSQL.
-- For an empty schema `public` only; local/demo.py checks that before it runs this.

CREATE TYPE "public"."enum_course_runs_status" AS ENUM('open', 'full', 'in_progress', 'finished', 'cancelled');
CREATE TYPE "public"."enum_campaigns_status" AS ENUM('draft', 'active', 'paused', 'completed');
CREATE TYPE "public"."enum_leads_status" AS ENUM('new', 'contacted', 'enrolled', 'discarded');

CREATE TABLE "public"."campuses" (
    "id" serial PRIMARY KEY NOT NULL,
    "name" varchar NOT NULL,
    "city" varchar NOT NULL,
    "advisor_phone" varchar,
    "email" varchar,
    "updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
    "created_at" timestamp(3) with time zone DEFAULT now() NOT NULL
);

CREATE TABLE "public"."courses" (
    "id" serial PRIMARY KEY NOT NULL,
    "name" varchar NOT NULL,
    "slug" varchar NOT NULL,
    "updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
    "created_at" timestamp(3) with time zone DEFAULT now() NOT NULL
);

CREATE TABLE "public"."course_runs" (
    "id" serial PRIMARY KEY NOT NULL,
    "course_id" integer,
    "campus_id" integer,
    "start_date" timestamp(3) with time zone,
    "end_date" timestamp(3) with time zone,
    "status" "public"."enum_course_runs_status" DEFAULT 'open' NOT NULL,
    "updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
    "created_at" timestamp(3) with time zone DEFAULT now() NOT NULL
);

CREATE TABLE "public"."campaigns" (
    "id" serial PRIMARY KEY NOT NULL,
    "name" varchar NOT NULL,
    "status" "public"."enum_campaigns_status" DEFAULT 'draft' NOT NULL,
    "meta_campaign_id" varchar,
    "budget" numeric,
    "impressions" numeric,
    "clicks" numeric,
    "spent" numeric,
    "cpl" numeric,
    "start_date" timestamp(3) with time zone,
    "end_date" timestamp(3) with time zone,
    "updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
    "created_at" timestamp(3) with time zone DEFAULT now() NOT NULL
);

CREATE TABLE "public"."media" (
    "id" serial PRIMARY KEY NOT NULL,
    "alt" varchar,
    "updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
    "created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
    "url" varchar,
    "thumbnail_u_r_l" varchar,
    "filename" varchar,
    "mime_type" varchar,
    "filesize" numeric,
    "width" numeric,
    "height" numeric,
    "focal_x" numeric,
    "focal_y" numeric
);

CREATE TABLE "public"."leads" (
    "id" serial PRIMARY KEY NOT NULL,
    "name" varchar NOT NULL,
    "email" varchar NOT NULL,
    "phone" varchar NOT NULL,
    "course_run_id" integer,
    "campus_id" integer,
    "campaign_id" integer,
    "status" "public"."enum_leads_status" DEFAULT 'new' NOT NULL,
    "consent_date" timestamp(3) with time zone,
    "consent_ip" varchar,
    "consent_text" varchar,
    "marketing_consent" boolean DEFAULT false,
    "updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
    "created_at" timestamp(3) with time zone DEFAULT now() NOT NULL
);

ALTER TABLE "public"."course_runs" ADD CONSTRAINT "course_runs_course_id_courses_id_fk"
    FOREIGN KEY ("course_id") REFERENCES "public"."courses"("id") ON DELETE set null ON UPDATE no action;
ALTER TABLE "public"."course_runs" ADD CONSTRAINT "course_runs_campus_id_campuses_id_fk"
    FOREIGN KEY ("campus_id") REFERENCES "public"."campuses"("id") ON DELETE set null ON UPDATE no action;
ALTER TABLE "public"."leads" ADD CONSTRAINT "leads_course_run_id_course_runs_id_fk"
    FOREIGN KEY ("course_run_id") REFERENCES "public"."course_runs"("id") ON DELETE set null ON UPDATE no action;
ALTER TABLE "public"."leads" ADD CONSTRAINT "leads_campus_id_campuses_id_fk"
    FOREIGN KEY ("campus_id") REFERENCES "public"."campuses"("id") ON DELETE set null ON UPDATE no action;
ALTER TABLE "public"."leads" ADD CONSTRAINT "leads_campaign_id_campaigns_id_fk"
    FOREIGN KEY ("campaign_id") REFERENCES "public"."campaigns"("id") ON DELETE set null ON UPDATE no action;

CREATE INDEX "campuses_updated_at_idx" ON "public"."campuses" USING btree ("updated_at");
CREATE INDEX "campuses_created_at_idx" ON "public"."campuses" USING btree ("created_at");
CREATE UNIQUE INDEX "courses_slug_idx" ON "public"."courses" USING btree ("slug");
CREATE INDEX "courses_updated_at_idx" ON "public"."courses" USING btree ("updated_at");
CREATE INDEX "courses_created_at_idx" ON "public"."courses" USING btree ("created_at");
CREATE INDEX "course_runs_course_idx" ON "public"."course_runs" USING btree ("course_id");
CREATE INDEX "course_runs_campus_idx" ON "public"."course_runs" USING btree ("campus_id");
CREATE INDEX "course_runs_updated_at_idx" ON "public"."course_runs" USING btree ("updated_at");
CREATE INDEX "course_runs_created_at_idx" ON "public"."course_runs" USING btree ("created_at");
CREATE INDEX "campaigns_updated_at_idx" ON "public"."campaigns" USING btree ("updated_at");
CREATE INDEX "campaigns_created_at_idx" ON "public"."campaigns" USING btree ("created_at");
CREATE INDEX "media_updated_at_idx" ON "public"."media" USING btree ("updated_at");
CREATE INDEX "media_created_at_idx" ON "public"."media" USING btree ("created_at");
CREATE UNIQUE INDEX "media_filename_idx" ON "public"."media" USING btree ("filename");
CREATE INDEX "leads_course_run_idx" ON "public"."leads" USING btree ("course_run_id");
CREATE INDEX "leads_campus_idx" ON "public"."leads" USING btree ("campus_id");
CREATE INDEX "leads_campaign_idx" ON "public"."leads" USING btree ("campaign_id");
CREATE INDEX "leads_updated_at_idx" ON "public"."leads" USING btree ("updated_at");
CREATE INDEX "leads_created_at_idx" ON "public"."leads" USING btree ("created_at");
