"""Fetch the sources that callers name: URLs and data URLs. All are treated as hostile."""
