"""Plain text in columns, laid out as the original's tabwriter did."""

from collections.abc import Sequence

MINIMUM_WIDTH = 8
PADDING = 3
"""Go's tabwriter.NewWriter(out, 8, 1, 3, ' ', 0)."""


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line a row. Every column but a row's last is as wide as its widest cell and the padding."""
    widths = [0] * max(map(len, rows), default=0)
    for row in rows:
        for number, cell in enumerate(row[:-1]):
            widths[number] = max(widths[number], MINIMUM_WIDTH, len(cell) + PADDING)
    lines = (
        "".join(cell.ljust(width) for cell, width in zip(row, [*widths[: len(row) - 1], 0], strict=True))
        for row in rows
    )
    return [line.rstrip() for line in lines]
