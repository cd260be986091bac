"""Measure Interlock, and print one table: ``bench/run`` (some minutes), ``bench/run --full``.

Absolute numbers are the machine's; what counts is the ratio to the floor, to other fleet sizes and to a hand-tuned
configuration, each taken in one run.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import data_plane
import interlock
import load
import measures
from contest import Effort, Running, contest, of_interlock
from gauges import LateError
from peers import NOT_RUN, PEERS, NotHadError, Peer
from report import Extent, Report, milliseconds
from stack import Stack, haproxy, stack
from targets import verdicts

LEFTOVERS = 10
"""Seconds after a start until what only the start of a large fleet needed is given back to the system."""
SHORT = Extent(
    sizes=(10, 100, 1000, 10_000),
    rounds=200,
    new_rounds=8,
    churn_seconds=5,
    sustained_seconds=4,
    wrk_seconds=1,
    wrk_runs=3,
    nginx_most=1000,
    contest_sizes=(100, 1000),
    contest=Effort(rounds=5, wrk_seconds=1, wrk_runs=3),
)
FULL = Extent(
    sizes=(10, 100, 1000, 10_000),
    rounds=1000,
    new_rounds=40,
    churn_seconds=20,
    sustained_seconds=60,
    wrk_seconds=10,
    wrk_runs=5,
    nginx_most=10_000,
    contest_sizes=(100, 1000, 10_000),
    contest=Effort(rounds=10, wrk_seconds=5, wrk_runs=5),
)
SMOKE = Extent(
    sizes=(10,),
    rounds=5,
    new_rounds=2,
    churn_seconds=1,
    sustained_seconds=1,
    wrk_seconds=1,
    wrk_runs=1,
    nginx_most=10,
    contest_sizes=(10,),
    contest=Effort(rounds=1, wrk_seconds=1, wrk_runs=1),
)


def measure_size(report: Report, size: int, extent: Extent) -> None:
    """Everything at one fleet size."""
    with stack(size, ready=False) as made:
        made.start_interlock()
        try:
            seconds = made.wait_until_ready()
        except LateError:
            report.add("start -> ready", size, "did not come to an end", "")
            return
        engine = measures.engine_answer_seconds(made)
        report.add("start -> ready", size, f"{seconds:.2f} s", f"engine's own answers {engine:.2f} s")
        report.note("ready", size, seconds)
        report.note("engine", size, engine)
        for part in (_memory, _latency, _cost, _bursts, _load, data_plane.of_haproxy, _new_hosts, _memory):
            try:
                part(report, made, size, extent)
            except LateError:
                report.add(part.__name__.strip("_").replace("_", " "), size, "did not come to an end", "")
    try:
        data_plane.of_nginx(report, size, extent)
    except LateError:
        report.add("NGINX", size, "did not come to an end")


def _memory(report: Report, made: Stack, size: int, _: Extent) -> None:
    is_first = ("memory", size) not in report.numbers
    if is_first and size >= data_plane.MANY:
        time.sleep(LEFTOVERS)
    megabytes = measures.memory(made)
    moment = "after the start" if is_first else "at the end"
    report.add(f"memory of the controller, {moment}", size, f"{megabytes:.0f} MB", "target at 10,000: 150 MB")
    report.numbers.setdefault(("memory", size), megabytes)


def _latency(report: Report, made: Stack, size: int, extent: Extent) -> None:
    floor = measures.floor_latency(made, extent.rounds)
    known = measures.known_host_latency(made, extent.rounds)
    report.add("floor: event -> in rotation, p50/p95/p99", size, milliseconds(floor))
    ratios = "/".join(f"{ours / least:.1f}" for ours, least in zip(known, floor, strict=True))
    report.add("known host: event -> in rotation", size, milliseconds(known), f"{ratios} x the floor (target p99 3)")
    for name, values in (("floor", floor), ("known", known)):
        report.note(f"{name} p50", size, values[0])
        report.note(f"{name} p99", size, values[2])


def _cost(report: Report, made: Stack, size: int, extent: Extent) -> None:
    cost = measures.cost_per_event(made, per_second=100, seconds=extent.churn_seconds)
    for name in ("controller_us", "inspects", "lists"):
        report.note(name, size, cost[name])
    smaller = report.numbers.get(("controller_us", 100))
    compared = f"{cost['controller_us'] / smaller:.2f} x that at 100 (target 1.3)" if smaller else ""
    report.add("CPU per event, controller", size, f"{cost['controller_us']:.0f} us", compared)
    report.add("CPU per event, proxy (checks taken off)", size, f"{cost['proxy_us']:.0f} us")
    asked = f"{cost['inspects']:.2f} inspects, {cost['lists']:.0f} lists in all"
    report.add("engine calls per event", size, asked, f"{cost['bytes']:.0f} bytes (target: at most 1 inspect, no list)")


def _bursts(report: Report, made: Stack, size: int, extent: Extent) -> None:
    count = min(1000, size * 10)
    came = measures.burst(made, count)
    report.add(f"{count:,} starts at once -> all in rotation", size, f"{came['in_ms']:.0f} ms", "")
    report.add(f"{count:,} stops at once -> all out", size, f"{came['out_ms']:.0f} ms", "")
    lag = measures.sustained(made, per_second=500, seconds=extent.sustained_seconds)
    compared = f"{lag['samples']:.0f} samples, {lag['lost']:.0f} late by a second (target: p99 under 100 ms)"
    report.add("500 events/s: lag p50/p95/p99", size, milliseconds((lag["p50"], lag["p95"], lag["p99"])), compared)
    report.note("lag p99", size, lag["p99"])
    report.note("late", size, lag["lost"] / max(1, lag["samples"] + lag["lost"]))
    report.add("500 events/s: until all is right", size, f"{lag['converged_ms']:.0f} ms after the last")


def _load(report: Report, made: Stack, size: int, extent: Extent) -> None:
    found = load.while_churning(made, per_second=200, seconds=extent.sustained_seconds)
    report.note("failed", size, found.failed)
    report.note("requests", size, found.requests)
    report.add("failed requests while 200 events/s churn", size, f"{found.failed:,} of {found.requests:,}", "target 0")


def _new_hosts(report: Report, made: Stack, size: int, extent: Extent) -> None:
    found = measures.new_host_latency(made, extent.new_rounds)
    report.add("new host: event -> first 200, p50/p95/p99", size, milliseconds(found), "target p99: 10 x the floor's")
    report.note("new p50", size, found[0])
    report.note("new p99", size, found[2])


def compete(report: Report, extent: Extent, peers: Iterable[Peer]) -> None:
    """Interlock and its peers, one after the other at each size; a peer that is late at one size is not asked more."""
    report.head_of_contest()
    starts: dict[str, Callable[[Stack], Running]] = {"Interlock, with HAProxy": of_interlock}
    for peer in peers:
        try:
            program = peer.program()
        except NotHadError as error:
            report.add_contestant(peer.name, 0, f"cannot be had here: {error}")
        else:
            starts[f"{peer.name} {peer.version(program)}"] = peer.starter(program)
    for size in extent.contest_sizes:
        for name, start in list(starts.items()):
            try:
                report.add_contestant(name, size, contest(size, extent.contest, start))
            except LateError:
                report.add_contestant(name, size, "did not come to an end")
                del starts[name]
    for name, why in NOT_RUN if peers else ():
        report.add_contestant(name, 0, f"not run: {why}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="longer runs")
    parser.add_argument("--smoke", action="store_true", help="ten containers, some seconds: does the bench work?")
    parser.add_argument("--sizes", help="fleet sizes, as in 10,1000")
    parser.add_argument("--no-peers", action="store_true", help="Interlock alone: nothing is fetched or built")
    parser.add_argument("--json", type=Path, help="also write the result to this file; bench/page reads it")
    options = parser.parse_args()
    extent = FULL if options.full else SMOKE if options.smoke else SHORT
    if options.sizes:
        extent = extent._replace(sizes=tuple(int(size) for size in options.sizes.split(",")))
    _compile()
    began = _load_now()
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs"
    print(f"{measures.versions(haproxy())}; {machine}; load {began}\n")
    report = Report()
    report.head()
    for size in extent.sizes:
        measure_size(report, size, extent)
    compete(report, extent, () if options.smoke or options.no_peers else PEERS)
    judged = verdicts(report.numbers)
    print("\n" + "\n".join(f"{'met    ' if met else 'NOT MET'} {target}: {found}" for target, found, met in judged))
    print(f"\nload at the end {_load_now()}: above {os.cpu_count()}, times are the neighbours' as much as ours")
    if options.json:
        result = {
            "versions": f"{measures.versions(haproxy())}, {machine}",
            "load": f"{began} at the beginning, {_load_now()} at the end",
            "rows": report.rows,
            "contest": report.contest,
            "traffic": report.traffic,
            "targets": judged,
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def _compile() -> None:
    """Have bytecode of everything, as whoever installs a wheel with pip has; a start would compile it else."""
    places = [Path(interlock.__file__).parent, sysconfig.get_path("purelib")]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *map(str, places)], check=False)


def _load_now() -> str:
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
