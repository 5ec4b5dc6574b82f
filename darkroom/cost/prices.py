"""The price table, `prices.toml`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PRICES = Path(__file__).with_name("prices.toml")


class Prices:
    """The price table."""

    def __init__(self, lines: Mapping[str, Mapping[str, Any]]) -> None:
        self.lines = lines

    def of(self, name: str, count: float = 1.0) -> float:
        """Return the dollars for a number of units.

        Raises:
            KeyError: the table has no such price.
        """
        line = self.lines[name]
        return float(line["usd"]) * count / float(line["per"])


def load_prices() -> Prices:
    """Read the price table."""
    return Prices(tomllib.loads(PRICES.read_text()))
