"""Statistics: leads and spend by day, week and month, and the reports that managers read."""
