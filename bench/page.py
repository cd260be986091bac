"""Write the tables of docs/performance.md from a run's result: ``bench/run --json bench/result.json``, then this."""

import argparse
import json
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
RESULT = Path(__file__).parent / "result.json"
BEGIN, END = "<!-- from bench/result.json: begin -->", "<!-- from bench/result.json: end -->"


def rendered(result: dict[str, Any]) -> str:
    """The tables, as Markdown."""
    parts = [
        f"{result['versions']}; load {result['load']}.",
        _by_size(result["rows"]),
        "Against the targets, which are for an idle machine:",
        _table(("target", "measured", ""), [(*row[:2], "met" if row[2] else "not met") for row in result["targets"]]),
        "And the peers, on the same engine, asked from outside in the same way; medians of each:",
        _table(("program", "containers", "ready; first answer of a known, of a new host", "cost"), result["contest"]),
    ]
    if result["traffic"]:
        parts += [
            "Requests through each, over kept connections, in turn with a HAProxy that was configured by hand:",
            _table(("program", "containers", "requests", "cost"), result["traffic"]),
        ]
    return "\n\n".join(parts)


def written(page: str, result: dict[str, Any]) -> str:
    """The page with these tables in it."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{rendered(result)}\n{END}{after}"


def _by_size(rows: list[list[str]]) -> str:
    """One column for each fleet size; what is measured at some sizes only has gaps."""
    sizes = list(dict.fromkeys(size for _, size, _, _ in rows))
    measures: dict[str, dict[str, str]] = {}
    for measure, size, figure, _ in rows:
        measures.setdefault(measure, {})[size] = figure
    lines = [(measure, *(found.get(size, "") for size in sizes)) for measure, found in measures.items()]
    return _table(("measure", *sizes), lines)


def _table(head: tuple[str, ...], rows: list[Any]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", nargs="?", type=Path, default=RESULT, help="file of bench/run --json")
    options = parser.parse_args()
    PAGE.write_text(written(PAGE.read_text(), json.loads(options.result.read_text())))


if __name__ == "__main__":
    main()
