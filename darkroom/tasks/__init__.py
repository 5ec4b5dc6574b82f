"""Tasks: their statuses, the table that stores them, and their repair."""
