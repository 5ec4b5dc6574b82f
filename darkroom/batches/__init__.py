"""What a batch is, the tables that keep batches, and what runs and repairs them."""
