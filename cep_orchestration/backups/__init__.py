"""Backups: what is dumped and copied to the bucket, proven by restoring it, rotated, and restored."""
