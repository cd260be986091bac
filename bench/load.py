"""The data plane: wrk through the generated configuration, through a hand-tuned one, and while containers churn."""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import fleet
from gauges import Web, cpu_seconds, until
from stack import Stack, free_port, haproxy

HAND_TUNED = """\
global
    maxconn 2048
    nbthread {threads}
defaults
    mode http
    timeout connect 5s
    timeout server 10s
    timeout client 10s
    timeout http-keep-alive 10s
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response 0rtt-rejected
frontend web
    bind *:{port}
    option forwardfor
    http-request del-header X-Forwarded-For
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Port %[dst_port]
    http-request set-header X-Real-IP %[src]
    http-request set-header X-Request-ID %[uuid()]
    http-request disable-l7-retry unless {{ method GET HEAD OPTIONS TRACE PUT DELETE }}
    use_backend %[req.hdr(host),lower,map_str({routes})]
{backends}
"""
"""What somebody who knows HAProxy writes for the same hosts and the same promises (who the client is, an id for each
request, and retries on another server), when nothing has to change while it runs: no stats page, no metrics, no
wildcards, no closed hosts, no checks.
"""
FEW = 10
"""Hosts that are asked to see what it costs to find one among many."""

SCRIPT = """\
local hosts = {hosts}
local turn = 0
request = function()
  turn = turn + 1
  return wrk.format("GET", "/", {{["Host"] = "h" .. (turn * 7919 % hosts + 1) .. ".{domain}"}})
end
"""
RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
TOTAL = re.compile(r"(\d+) requests in")
BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)")
BROKEN = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Wrk:
    """wrk, started at once; its result when it has ended."""

    def __init__(self, port: int, hosts: int, seconds: float) -> None:
        program = shutil.which("wrk")
        if program is None:
            sys.exit("bench: no wrk found; fix: apt-get install wrk")
        self._folder = Path(tempfile.mkdtemp(prefix="ilb-wrk-"))
        script = self._folder / "hosts.lua"
        script.write_text(SCRIPT.format(hosts=hosts, domain=fleet.DOMAIN))
        argv = [program, "-t1", "-c50", f"-d{seconds:g}s", "--latency", "-s", str(script), f"http://127.0.0.1:{port}/"]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    def result(self) -> dict[str, float]:
        """Requests a second, p99 in milliseconds, requests, and how many of them failed."""
        output, _ = self._process.communicate(timeout=120)
        shutil.rmtree(self._folder)
        slowest, broken = P99.search(output), BROKEN.search(output)
        bad = BAD.search(output)
        failed = (int(bad[1]) if bad else 0) + (sum(map(int, broken.groups())) if broken else 0)
        return {
            "per_second": float(_found(RATE, output)),
            "p99": float(slowest[1]) * UNITS[slowest[2]] if slowest else float("nan"),
            "requests": float(_found(TOTAL, output)),
            "failed": float(failed),
        }


def against_hand_tuned(stack: Stack, *, hosts: int, seconds: float, runs: int) -> dict[str, float]:
    """Both in turn, A B A B, asked for the first so many hosts; medians, and the ratio pair by pair."""
    port = free_port()
    routes = stack.folder / "hand.map"
    names = [f"h{number}" for number in range(1, stack.containers + 1)]
    routes.write_text("".join(f"{name}.{fleet.DOMAIN} {name}\n" for name in names))
    backends = "".join(
        f"backend {name}\n    server one {fleet.Replica(number=number, host=name).address}:{fleet.PORT}\n"
        for number, name in enumerate(names, start=1)
    )
    config = stack.folder / "hand.cfg"
    config.write_text(HAND_TUNED.format(threads=_threads(stack), port=port, routes=routes, backends=backends))
    pid = stack.start(haproxy(), "-q", "-db", "-f", str(config))
    web = Web(port)
    until(lambda: web.status(stack.host(1)) == 200, pause=0.01)
    pairs = [
        (
            _measured(stack.port, stack.proxy_pids(), hosts=hosts, seconds=seconds),
            _measured(port, [pid], hosts=hosts, seconds=seconds),
        )
        for _ in range(runs)
    ]
    return {
        "cpu_us": statistics.median(ours["cpu_us"] for ours, _ in pairs),
        "resting": statistics.median(ours["resting"] for ours, _ in pairs),
        "cpu_ratio": statistics.median(ours["cpu_us"] / theirs["cpu_us"] for ours, theirs in pairs),
        "generated": statistics.median(ours["per_second"] for ours, _ in pairs),
        "hand_tuned": statistics.median(theirs["per_second"] for _, theirs in pairs),
        "ratio": statistics.median(ours["per_second"] / theirs["per_second"] for ours, theirs in pairs),
        "p99": statistics.median(ours["p99"] for ours, _ in pairs),
        "p99_hand_tuned": statistics.median(theirs["p99"] for _, theirs in pairs),
    }


def while_churning(stack: Stack, *, per_second: float, seconds: float) -> dict[str, float]:
    """Requests to the hosts whose containers come and go, all the while; not one may fail."""
    wrk = Wrk(stack.port, min(stack.containers, 500), seconds + 1)
    hosts = [f"h{number}" for number in range(1, min(stack.containers, 500) + 1)]
    stack.control.order("rate", hosts=hosts, per_second=per_second, seconds=seconds)
    while "done" not in stack.control.answer():
        pass
    return wrk.result()


def _measured(port: int, pids: list[int], *, hosts: int, seconds: float) -> dict[str, float]:
    """wrk's result, and the proxy's CPU in microseconds for each request: what a loaded machine blurs least.

    What the proxy spends without requests (health checks: 2,000 a second with 10,000 servers) is taken off, and told.
    """
    began, idle = time.monotonic(), sum(map(cpu_seconds, pids))
    time.sleep(1)
    before, now = sum(map(cpu_seconds, pids)), time.monotonic()
    found = Wrk(port, hosts, seconds).result()
    resting = (before - idle) / (now - began)
    spent = sum(map(cpu_seconds, pids)) - before - resting * (time.monotonic() - now)
    return found | {"cpu_us": spent / found["requests"] * 1e6, "resting": resting}


def _threads(stack: Stack) -> int:
    """As many threads as the generated configuration runs with: none named, so what HAProxy chooses by itself."""
    found = re.search(r"^Nbthread: (\d+)$", stack.runtime.ask("show info"), re.MULTILINE)
    return int(found[1]) if found else 1


def _found(pattern: re.Pattern[str], output: str) -> str:
    found = pattern.search(output)
    if found is None:
        sys.exit(f"bench: wrk said something else than expected:\n{output}")
    return found[1]
