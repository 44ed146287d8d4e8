"""Campaigns: what the ad service says by day and in all, what it restated, what looks wrong; for whom alerts are."""

from alembic import op

revision = "0003"
down_revision = "0002"

CHANGES = """
-- One row: the ad account as it was last read, and the account's day on which the whole restatement window was.
CREATE TABLE orchestration.ad_account (
    only_row         boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    account_id       text NOT NULL,
    name             text NOT NULL,
    currency         text NOT NULL,
    time_zone        text NOT NULL,
    token_expires_at timestamptz,
    version_warning  text,
    read_at          timestamptz NOT NULL,
    window_read_on   date
);

-- A campaign of the ad service that some campaign of the CMS names. Budgets and spend in units of the account's
-- currency.
-- closed_at: the service deleted it, or does not know it any more; it stays here with all that it did.
-- days_from, days_until: the days without a gap that were read last; what lies outside is not known.
-- failure: why it could not be read the last time. daily_budget_since: the first whole day under this daily_budget,
-- where it was seen to change.
-- lifetime_…: as the service sums it up itself, as far back as it remembers.
CREATE TABLE orchestration.ad_campaigns (
    meta_campaign_id     text PRIMARY KEY,
    name                 text NOT NULL DEFAULT '',
    status               text,
    daily_budget         numeric,
    daily_budget_since   date,
    lifetime_budget      numeric,
    starts_on            date,
    stops_on             date,
    closed_at            timestamptz,
    failure              text,
    days_from            date,
    days_until           date,
    days_read_at         timestamptz,
    lifetime_since       date,
    lifetime_until       date,
    lifetime_impressions bigint,
    lifetime_clicks      bigint,
    lifetime_spend       numeric,
    lifetime_leads       bigint,
    lifetime_reach       bigint,
    lifetime_read_at     timestamptz
);

-- One campaign on one day of the account's time zone. spend, cpc and cpm in the currency that stands beside them;
-- ctr in percent. reach: people, which cannot be added up. read_at: when these numbers were last seen to be new or,
-- once the day was over, to be final for the time being.
CREATE TABLE orchestration.campaign_days (
    meta_campaign_id text NOT NULL,
    day              date NOT NULL,
    impressions      bigint NOT NULL,
    clicks           bigint NOT NULL,
    spend            numeric NOT NULL,
    meta_leads       bigint NOT NULL,
    reach            bigint NOT NULL,
    currency         text NOT NULL,
    read_at          timestamptz NOT NULL,
    frequency        numeric GENERATED ALWAYS AS (round(impressions::numeric / nullif(reach, 0), 4)) STORED,
    ctr              numeric GENERATED ALWAYS AS (round(100.0 * clicks / nullif(impressions, 0), 4)) STORED,
    cpc              numeric GENERATED ALWAYS AS (round(spend / nullif(clicks, 0), 4)) STORED,
    cpm              numeric GENERATED ALWAYS AS (round(1000 * spend / nullif(impressions, 0), 4)) STORED,
    PRIMARY KEY (meta_campaign_id, day)
);
CREATE INDEX campaign_days_by_day ON orchestration.campaign_days (day);

-- A number of a day that was over, and that the ad service says differently since.
CREATE TABLE orchestration.campaign_restatements (
    meta_campaign_id text NOT NULL,
    day              date NOT NULL,
    metric           text NOT NULL,
    old_value        numeric NOT NULL,
    new_value        numeric NOT NULL,
    restated_at      timestamptz NOT NULL
);
CREATE INDEX campaign_restatements_by_day ON orchestration.campaign_restatements (meta_campaign_id, day);

-- What looked wrong, by rule and campaign of the CMS, from when to when.
CREATE TABLE orchestration.campaign_anomalies (
    rule        text NOT NULL,
    campaign_id text NOT NULL,
    severity    text NOT NULL,
    sentence    text NOT NULL,
    opened_at   timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    resolved_at timestamptz,
    PRIMARY KEY (rule, campaign_id, opened_at)
);
CREATE UNIQUE INDEX campaign_anomalies_open ON orchestration.campaign_anomalies (rule, campaign_id)
    WHERE resolved_at IS NULL;

CREATE INDEX leads_by_campaign ON orchestration.leads (campaign_id, created_at) WHERE campaign_id IS NOT NULL;

ALTER TABLE orchestration.alerts ADD COLUMN audience text NOT NULL DEFAULT 'operators';
"""


def upgrade() -> None:
    op.execute(CHANGES)
