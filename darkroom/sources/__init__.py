"""Fetch what callers name: URLs and data URLs, each hostile until proven otherwise."""
