"""wrk: who asks for many requests, and what it says of them."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import fleet

FEW = 10
"""Hosts that are asked to see what it costs to find one among many."""

SCRIPT = """\
local hosts = {hosts}
local turn = 0
request = function()
  turn = turn + 1
  local host = "h" .. (turn * 7919 % hosts + 1) .. ".{domain}"
  return wrk.format("GET", "/", {{["Host"] = host{more}}})
end
"""
RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
TOTAL = re.compile(r"(\d+) requests in")
BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)")
BROKEN = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Asking(NamedTuple):
    """What is asked for: the first so many hosts, in turn."""

    hosts: int
    tls: bool = False
    closes: bool = False
    """A connection for each request, with a handshake of its own; else fifty that are kept."""


class Answers(NamedTuple):
    """What came back."""

    per_second: float
    p99: float
    """Milliseconds."""
    requests: int
    failed: int


class Wrk:
    """wrk, started at once; its result when it has ended."""

    def __init__(self, port: int, asking: Asking, seconds: int) -> None:
        program = shutil.which("wrk")
        if program is None:
            sys.exit("bench: no wrk found; fix: apt-get install wrk")
        self._folder = Path(tempfile.mkdtemp(prefix="ilb-wrk-"))
        script = self._folder / "hosts.lua"
        more = ', ["Connection"] = "close"' if asking.closes else ""
        script.write_text(SCRIPT.format(hosts=asking.hosts, domain=fleet.DOMAIN, more=more))
        url = f"{'https' if asking.tls else 'http'}://127.0.0.1:{port}/"
        argv = [program, "-t1", "-c50", f"-d{seconds}s", "--latency", "-s", str(script), url]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    def result(self) -> Answers:
        output, _ = self._process.communicate(timeout=120)
        shutil.rmtree(self._folder)
        slowest, broken = P99.search(output), BROKEN.search(output)
        bad = BAD.search(output)
        return Answers(
            per_second=float(_found(RATE, output)),
            p99=float(slowest[1]) * UNITS[slowest[2]] if slowest else float("nan"),
            requests=int(_found(TOTAL, output)),
            failed=(int(bad[1]) if bad else 0) + (sum(map(int, broken.groups())) if broken else 0),
        )


def _found(pattern: re.Pattern[str], output: str) -> str:
    found = pattern.search(output)
    if found is None:
        sys.exit(f"bench: wrk said something else than expected:\n{output}")
    return found[1]
