"""What a task is, the table that keeps tasks, and what repairs them."""
