"""Measurements of Darkroom against what a person would otherwise use: `make bench`."""
