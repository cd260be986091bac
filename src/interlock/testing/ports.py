"""Ports that nobody has, and that nobody gets by chance before the test does."""

import itertools
import os
import socket

FIRST, COUNT = 20_000, 10_000
"""Below the range from which the kernel takes the local ports of connections (ip_local_port_range, from 32768)."""
_NUMBERS = itertools.count(os.getpid() * 97)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that can be listened on; each call gives another."""
    for number in _NUMBERS:
        port = FIRST + number % COUNT
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("unreachable: the count has no end")
