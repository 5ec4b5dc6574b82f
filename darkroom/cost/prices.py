"""The price table, `prices.yaml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PRICES = Path(__file__).with_name("prices.yaml")


class Prices:
    """The price table."""

    def __init__(self, lines: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the lines of `prices.yaml`."""
        self.lines = lines

    def of(self, name: str, count: float = 1.0) -> float:
        """Return the dollars of so many.

        Raises:
            KeyError: the table has no such price.
        """
        line = self.lines[name]
        return float(line["usd"]) * count / float(line["per"])


def load_prices() -> Prices:
    """Read the price table."""
    return Prices(yaml.safe_load(PRICES.read_text()))
