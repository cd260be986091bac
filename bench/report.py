"""What is said of a run: rows as they come, and the numbers that verdicts are made of."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from contest import PATIENCE, Effort, Figures, Reaction
from load import Traffic
from targets import NONE_SEEN, Numbers

BUSY = 0.1
"""Share of a core at rest that hides what an event or a request costs."""
Row = tuple[str, str, str, str]
"""Measure, containers, figure, and the target or what it is compared with."""


class Extent(NamedTuple):
    """How much is measured."""

    sizes: tuple[int, ...]
    rounds: int
    new_rounds: int
    churn_seconds: float
    """Best some times five, since HAProxy's checks of a whole fleet come every five seconds."""
    sustained_seconds: float
    wrk_seconds: int
    wrk_runs: int
    nginx_most: int
    """The largest fleet that NGINX is measured with: its file by hand has a server for each host."""
    contest_sizes: tuple[int, ...]
    contest: Effort


class Report:
    """Prints rows as they come, and keeps what verdicts are made of."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.contest: list[Row] = []
        self.traffic: list[Row] = []
        self.numbers: Numbers = {}
        self._ours: dict[int, Figures] = {}
        """Containers -> what Interlock needed, which comes first at each size."""

    def add(self, measure: str, size: int, figure: str, compared: str = "") -> None:
        row = (measure, f"{size:,}", figure, compared)
        self.rows.append(row)
        print(f"| {measure:<56} | {size:>7,} | {figure:<38} | {compared:<44} |", flush=True)

    def add_traffic(self, asked: str, size: int, found: Traffic) -> None:
        """Two rows of a proxy, each beside the same by hand."""
        cpu = f"{found.cpu_us:.1f} us, {found.cpu_ratio:.2f} x by hand"
        self.add(f"{asked}: proxy's CPU per request", size, cpu, _of_failed(found) or "target 1.03")
        figure = f"{found.per_second:,.0f}, {found.rate_ratio:.2f} x by hand"
        self.add(f"{asked}: requests/s", size, figure, f"p99 {found.p99:.1f} ms, by hand {found.p99_other:.1f} ms")

    def note(self, name: str, size: int, number: float) -> None:
        self.numbers[name, size] = number

    def head(self) -> None:
        print(f"| {'measure':<56} | {'N':>7} | {'figure':<38} | {'compared with':<44} |")
        print(f"|{'-' * 58}|{'-' * 8}:|{'-' * 40}|{'-' * 46}|")

    def head_of_contest(self) -> None:
        reaction = "ready; first answer: known host; new host"
        print(f"\n| {'program':<32} | {'N':>7} | {reaction:<70} | {'cost; requests':<62} |")
        print(f"|{'-' * 34}|{'-' * 8}:|{'-' * 72}|{'-' * 64}|", flush=True)

    def add_contestant(self, name: str, size: int, outcome: Figures | str) -> None:
        count = f"{size:,}" if size else ""
        if isinstance(outcome, str):
            rows = [(name, count, outcome, "")]
        else:
            ours = self._ours.setdefault(size, outcome)
            rate, cpu = _requests(outcome.traffic)
            requests = (name, count, rate, cpu + _ahead(_of_requests(outcome.traffic), _of_requests(ours.traffic)))
            self.traffic.append(requests)
            cost = _cost_of(outcome) + _ahead(_of_starts(outcome), _of_starts(ours))
            rows = [(name, count, _reaction(outcome), cost), requests]
        self.contest.append(rows[0])
        for row in rows:
            print(f"| {row[0]:<32} | {row[1]:>7} | {row[2]:<70} | {row[3]:<62} |", flush=True)


def milliseconds(values: Sequence[float]) -> str:
    """Percentiles; infinite ones are those of no sample."""
    return NONE_SEEN if math.inf in values else "/".join(f"{value:.2f}" for value in values) + " ms"


def _reaction(figures: Figures) -> str:
    return f"{figures.ready_seconds:.2f} s; {_of(figures.known)}; {_of(figures.new)}"


def _of(reaction: Reaction) -> str:
    if not reaction.count:
        return "no time left"
    median, worst = (f"over {PATIENCE} s" if value == math.inf else f"{value:,.0f} ms" for value in reaction[:2])
    return f"{median}, worst of {reaction.count} {worst}"


def _cost_of(figures: Figures) -> str:
    called = f"{figures.calls:,.1f} calls and {figures.kilobytes:,.0f} kB of the engine"
    rest = f"{figures.resting:.1%} of a core at rest"
    cpu = rest if figures.resting > BUSY else f"{figures.cpu:,.1f} ms of CPU (beside {rest})"
    return f"{cpu}, {called} a start; {figures.megabytes:,.0f} MB"


def _requests(found: Traffic) -> tuple[str, str]:
    rate = f"{found.per_second:,.0f}/s, {found.rate_ratio:.2f} x by hand; p99 {found.p99:.1f} ms"
    failed = f"; {_of_failed(found)}" if found.failed else ""
    cpu = f"{found.cpu_us:.1f} us of CPU a request, {found.cpu_ratio:.2f} x by hand"
    return rate + failed, "busy without requests" if found.resting > BUSY else cpu


def _ahead(theirs: dict[str, float], ours: dict[str, float]) -> str:
    """In what a peer is ahead of Interlock; the less, the better."""
    better = [name for name, value in theirs.items() if value < ours[name]]
    return f"; AHEAD OF INTERLOCK: {', '.join(better)}" if better else ""


def _of_starts(figures: Figures) -> dict[str, float]:
    """What it took. Of what is hidden by what it takes at rest, all that can be said is that it is not less."""
    return {
        "ready": figures.ready_seconds,
        "known host": figures.known.median,
        "new host": figures.new.median,
        "CPU": figures.cpu if figures.resting <= BUSY else math.inf,
        "calls": figures.calls,
        "bytes": figures.kilobytes,
        "memory": figures.megabytes,
    }


def _of_requests(found: Traffic) -> dict[str, float]:
    return {
        "requests/s": -found.per_second,
        "p99": found.p99,
        "CPU": found.cpu_us if found.resting <= BUSY else math.inf,
    }


def _of_failed(found: Traffic) -> str:
    return f"{found.failed:,} failed" if found.failed else ""
