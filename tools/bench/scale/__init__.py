"""Simulate many tasks under AWS's quotas, by discrete events: `make simulate`."""
