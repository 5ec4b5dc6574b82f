"""Celery doing the same work: what Darkroom is measured against."""
