"""What the definitions of the statistics share: group, owners, partitions, and which of them a run is asked for."""

from datetime import date, timedelta

import dagster as dg

GROUP = "stats"
OWNERS = ["team:gestion"]
PRIORITY = {"dagster/priority": "0"}
DAILY = dg.AssetKey([GROUP, "daily"])
FIRST_DAY = "2020-01-01"
ZONE = "Europe/Madrid"
DAYS = dg.DailyPartitionsDefinition(FIRST_DAY, timezone=ZONE)
WEEKS = dg.WeeklyPartitionsDefinition("2020-01-06", timezone=ZONE, day_offset=1)
MONTHS = dg.MonthlyPartitionsDefinition(FIRST_DAY, timezone=ZONE)
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
BACKFILL, FOLLOWED = "dagster/backfill", "dagster/from_automation_condition"
"""Tags by which Dagster says how a run came to be: as part of a backfill, or since an asset's condition holds."""
MAILED_WITHIN = timedelta(days=4)
"""Since the last day of the period: a weekend without the system is made up for, the past is not."""


def asked_range(context: dg.AssetExecutionContext) -> tuple[date, date]:
    """The first and the last day of the run's partitions."""
    asked = context.partition_key_range
    return date.fromisoformat(asked.start), date.fromisoformat(asked.end)


def is_backfill(context: dg.AssetExecutionContext) -> bool:
    """Whether the run is a backfill's, or one of those launched again: Dagster leaves the tag out there."""
    run = context.run
    first = context.instance.get_run_by_id(run.root_run_id) if run.root_run_id else None
    return any(BACKFILL in one.tags for one in (run, first) if one)
