"""The data plane: wrk through a proxy and through one that was configured by hand, and while containers churn."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

from gauges import family_seconds
from stack import Stack
from wrk import Answers, Asking, Wrk


class Target(NamedTuple):
    """A running proxy."""

    port: int
    tls_port: int
    pids: Callable[[], list[int]]


class Traffic(NamedTuple):
    """Medians of what a proxy gave, and of the ratios to the other one, pair by pair."""

    cpu_us: float
    """The proxy's CPU for one request, in microseconds: what a loaded machine blurs least."""
    cpu_ratio: float
    per_second: float
    rate_ratio: float
    p99: float
    p99_other: float
    resting: float
    """Share of a core that it takes without requests."""
    failed: int


class Rest(NamedTuple):
    """Shares of a core that processes take while nobody asks anything, second by second.

    HAProxy checks servers that were added together at once, every five seconds: their CPU is in the mean of such
    seconds, and neither in their median nor in that of as long runs with requests.
    """

    mean: float
    median: float


def at_rest(*groups: Callable[[], list[int]], seconds: int = 5) -> list[Rest]:
    """Of each group of processes, at the same time."""
    samples: list[list[float]] = []
    for _ in range(seconds):
        began, before = time.monotonic(), [family_seconds(pids()) for pids in groups]
        time.sleep(1)
        took = time.monotonic() - began
        samples.append([(family_seconds(pids()) - spent) / took for pids, spent in zip(groups, before, strict=True)])
    return [Rest(statistics.mean(shares), statistics.median(shares)) for shares in zip(*samples, strict=True)]


def side_by_side(ours: Target, other: Target, asking: Asking, rest: Rest, *, seconds: int, runs: int) -> Traffic:
    """Both in turn, A B A B. What ours takes at rest is taken off its CPU; the other does nothing unasked."""
    pairs = [(_asked(ours, asking, seconds, rest.median), _asked(other, asking, seconds, 0)) for _ in range(runs)]
    return Traffic(
        cpu_us=statistics.median(cpu for (_, cpu), _ in pairs),
        cpu_ratio=statistics.median(cpu / least for (_, cpu), (_, least) in pairs),
        per_second=statistics.median(mine.per_second for (mine, _), _ in pairs),
        rate_ratio=statistics.median(mine.per_second / most.per_second for (mine, _), (most, _) in pairs),
        p99=statistics.median(mine.p99 for (mine, _), _ in pairs),
        p99_other=statistics.median(theirs.p99 for _, (theirs, _) in pairs),
        resting=rest.mean,
        failed=sum(mine.failed for (mine, _), _ in pairs),
    )


def while_churning(stack: Stack, *, per_second: float, seconds: float) -> Answers:
    """Requests to the hosts whose containers come and go, all the while; not one may fail."""
    count = min(stack.containers, 500)
    wrk = Wrk(stack.port, Asking(count), seconds + 1)
    hosts = [f"h{number}" for number in range(1, count + 1)]
    stack.control.order("rate", hosts=hosts, per_second=per_second, seconds=seconds)
    while "done" not in stack.control.answer():
        pass
    return wrk.result()


def _asked(target: Target, asking: Asking, seconds: int, resting: float) -> tuple[Answers, float]:
    """wrk's result, and CPU in microseconds for each request."""
    began, before = time.monotonic(), family_seconds(target.pids())
    found = Wrk(target.tls_port if asking.tls else target.port, asking, seconds).result()
    spent = family_seconds(target.pids()) - before - resting * (time.monotonic() - began)
    return found, spent / found.requests * 1e6
