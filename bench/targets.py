"""What was aimed at, and whether one run met it. Ratios within the run; the largest fleet stands for all."""

import math

NONE_SEEN = "none within 1 s"
"""What there is to say of percentiles without a sample (measures.sustained waits a second for each)."""
Numbers = dict[tuple[str, int], float]
"""Name of a number and fleet size -> what was measured."""
Verdict = tuple[str, str, bool]
"""The target, what was found, whether it is met."""


def verdicts(numbers: Numbers) -> list[Verdict]:
    """Every target that the run has numbers for; it may have been cut short."""
    sizes = sorted({size for _, size in numbers})
    if not sizes:
        return []
    found = []
    for judge in (_known, _new, _cpu, _calls, _losses, _lag, _start, _memory, _rules, _tls, _nginx, _spread):
        try:
            found.append(judge(numbers, sizes))
        except KeyError:
            continue  # not measured in this run
    return found


def _known(numbers: Numbers, sizes: list[int]) -> Verdict:
    ratios = [numbers["known p99", size] / numbers["floor p99", size] for size in sizes]
    medians = [numbers["known p50", size] / numbers["floor p50", size] for size in sizes]
    return (
        f"known host: p99 at most 3 x the floor at {sizes[-1]:,}",
        f"{_each(ratios, sizes)}; p50 {min(medians):.1f} to {max(medians):.1f} x",
        ratios[-1] <= 3,
    )


def _new(numbers: Numbers, sizes: list[int]) -> Verdict:
    ratios = [numbers["new p99", size] / numbers["floor p99", size] for size in sizes]
    return f"new host: p99 at most 10 x the floor at {sizes[-1]:,}", _each(ratios, sizes), ratios[-1] <= 10


def _cpu(numbers: Numbers, sizes: list[int]) -> Verdict:
    ratio = numbers["controller_us", sizes[-1]] / numbers["controller_us", 100]
    return f"CPU per event at {sizes[-1]:,} at most 1.3 x that at 100", f"{ratio:.2f} x", ratio <= 1.3


def _calls(numbers: Numbers, sizes: list[int]) -> Verdict:
    inspects = max(numbers["inspects", size] for size in sizes)
    lists = sum(numbers["lists", size] for size in sizes)
    return "one inspect and no list for each event", f"{inspects:.2f} inspects, {lists:.0f} lists", inspects <= 1


def _losses(numbers: Numbers, sizes: list[int]) -> Verdict:
    failed = sum(numbers["failed", size] for size in sizes)
    asked = sum(numbers["requests", size] for size in sizes)
    return "failed requests while containers churn: none", f"{failed:,.0f} of {asked:,.0f}", not failed


def _lag(numbers: Numbers, sizes: list[int]) -> Verdict:
    lags = [numbers["lag p99", size] for size in sizes]
    late = max(numbers["late", size] for size in sizes)
    found = f"{_each(lags, sizes, 'ms')}; {late:.0%} of the samples were late by a second, at worst"
    return "500 events/s with a lag under 100 ms (p99)", found, lags[-1] < 100 and numbers["late", sizes[-1]] <= 0.01


def _start(numbers: Numbers, sizes: list[int]) -> Verdict:
    ready, engine = numbers["ready", sizes[-1]], numbers["engine", sizes[-1]]
    target = f"start with {sizes[-1]:,} at most 1.5 x the engine's own answers"
    return target, f"{ready:.1f} s against {engine:.1f} s", ready <= 1.5 * engine


def _memory(numbers: Numbers, sizes: list[int]) -> Verdict:
    megabytes = numbers["memory", sizes[-1]]
    return f"memory at {sizes[-1]:,} at most 150 MB", f"{megabytes:.0f} MB after the start", megabytes <= 150


def _rules(numbers: Numbers, sizes: list[int]) -> Verdict:
    return _by_hand(numbers, sizes, "HTTP, 1 host", "generated file within 3 % of the hand-tuned one")


def _tls(numbers: Numbers, sizes: list[int]) -> Verdict:
    return _by_hand(numbers, sizes, "TLS, 1 host", "generated file within 3 % of the hand-tuned one, over TLS")


def _nginx(numbers: Numbers, sizes: list[int]) -> Verdict:
    return _by_hand(numbers, sizes, "NGINX, 1 host", "NGINX: generated file within 3 % of the hand-tuned one")


def _by_hand(numbers: Numbers, sizes: list[int], asked: str, target: str) -> Verdict:
    ratio = numbers[f"{asked} ratio", sizes[0]]
    return target, f"{ratio:.2f} x its CPU per request, 1 host asked", ratio <= 1.03


def _spread(numbers: Numbers, sizes: list[int]) -> Verdict:
    ratio = numbers["HTTP, few hosts us", sizes[-1]] / numbers["HTTP, few hosts us", sizes[0]]
    target = f"generated file at {sizes[-1]:,} hosts within 10 % of itself at {sizes[0]}"
    return target, f"{ratio:.2f} x its CPU per request", ratio <= 1.1


def _each(values: list[float], sizes: list[int], unit: str = "x") -> str:
    said = (NONE_SEEN if value == math.inf else f"{value:.1f} {unit}" for value in values)
    return ", ".join(f"{figure} at {size:,}" for figure, size in zip(said, sizes, strict=True))
