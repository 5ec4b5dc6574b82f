"""What a measurement gives: a table that the terminal and docs/performance.md both show."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """One measurement.

    Attributes:
        title: of the table.
        about: sentences for the reader: what was compared, on what, how often.
        columns: names, with their units.
        rows: the cells, as they are to be shown.
        bars: for the plot: what is compared to the time or memory that it took, as a ratio to the
            baseline (1.0), which is among them.
    """

    title: str
    about: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    bars: dict[str, float] = field(default_factory=dict)
