"""The paths of the project's files, for tests in any folder."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
