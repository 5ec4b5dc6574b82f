"""Every call to AWS: one module for each service."""
