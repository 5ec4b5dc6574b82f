"""The cost of tasks in AWS: counted calls (`counts.json`) times dated prices (`prices.toml`)."""
