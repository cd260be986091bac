"""HAProxy's statistics: the answer to `show stat` -> what was counted. Text in, text out.

Columns as of HAProxy 2.6 to 3.2 (docs: "Management Guide", 9.1).
"""

import csv
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from interlock.core.traffic import Counters

ASK = "show stat -1 6 -1"
"""Of every proxy (-1), the backends (2) and the servers (4), with every id (-1)."""
_A_BACKEND, _A_SERVER = "1", "2"
"""What the column `type` says."""
LINES = 100
"""Lines that are read at a stretch: about a millisecond."""


class Line(msgspec.Struct, frozen=True):
    """One line of the answer."""

    backend: str
    server: str
    """The name of one, or "" where the backend tells of itself."""
    counters: Counters


def parts(answer: str) -> Iterator[list[str]]:
    """The answer in parts, each with the line that names the columns, to be read one after the other."""
    lines = iter(answer.removeprefix("# ").splitlines())
    head = next(lines, "")
    while some := list(islice(lines, LINES)):
        yield [head, *some]


def read(lines: Iterable[str]) -> list[Line]:
    """The lines of one part."""
    return [_line(row) for row in csv.DictReader(lines) if row.get("type") in {_A_BACKEND, _A_SERVER}]


def _line(row: dict[str, str]) -> Line:
    is_backend = row["type"] == _A_BACKEND  # a server may be called BACKEND
    return Line(row["pxname"], "" if is_backend else row["svname"], _backend(row) if is_backend else _server(row))


def _server(row: dict[str, str]) -> Counters:
    """`req_tot` are those that it answered; connections that failed (`econ`) and the like come on top."""
    failed = _sum(row, "econ", "eresp", "wredis")
    return Counters(
        requests=_sum(row, "req_tot") + failed,
        errors=_sum(row, "hrsp_5xx") + failed,
        sessions=_sum(row, "scur"),
        latency=_latency(row),
    )


def _backend(row: dict[str, str]) -> Counters:
    """What fails at a server and everywhere else becomes a 5xx of HAProxy's own, and is in `req_tot` too."""
    return Counters(
        requests=_sum(row, "req_tot"),
        errors=_sum(row, "hrsp_5xx"),
        sessions=_sum(row, "scur"),
        latency=_latency(row),
    )


def _latency(row: dict[str, str]) -> int | None:
    """Waiting, connecting and answering, each on average over the last 1,024 requests."""
    return _sum(row, "qtime", "ctime", "rtime") if _sum(row, "req_tot") else None


def _sum(row: dict[str, str], *columns: str) -> int:
    return sum(int(row.get(column) or 0) for column in columns)
