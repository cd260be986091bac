"""The port on which the site can be opened."""

import contextlib
import functools
import socket
import subprocess
import sys
from pathlib import Path

from testbed.namespaces import Keeper

CANDIDATES: list[int] = [80, *range(8080, 8100)]
LOCAL = "127.0.0.1"
SECONDS = 2.0
"""For another machine to accept or refuse."""


def free_port(address: str) -> int:
    """The first candidate on which nobody listens there. Raises OSError."""
    is_free = _can_be_bound if address == LOCAL else functools.partial(_is_refused, address)
    for port in CANDIDATES:
        if is_free(port):
            return port
    raise OSError(f"none of the ports 80 and {CANDIDATES[1]} to {CANDIDATES[-1]} of {address} is free")


def _can_be_bound(port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("", port))
        return True
    return False


def _is_refused(address: str, port: int) -> bool:
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection((address, port), timeout=SECONDS).close()
        return False
    return True


def start_relay(port: int, address: str) -> Keeper:
    """Make a port of this machine lead to the private engine; the process stays when this program ends."""
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("relay.py"), str(port), address],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return Keeper.of(process.pid)
