"""Batches: their statuses, the tables that store them, their runs, and their repair."""
