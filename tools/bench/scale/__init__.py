"""A discrete-event simulation of many tasks under AWS's quotas: `make simulate`."""
