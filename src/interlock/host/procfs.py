"""What the kernel tells of processes that are not our children: proc(5)."""

import contextlib
import os
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable
from ipaddress import ip_address
from pathlib import Path

PROC = Path("/proc")
ESTABLISHED = "01"
"""State of a connection that both sides have open, in /proc/net/tcp."""
LISTENING = "0A"
"""State of a socket that waits for connections."""
_WORD = 8
"""Hexadecimal digits of the 32-bit words that addresses are written in, each in the byte order of the machine."""
_INODE = 9
"""Column of a table of sockets."""
_SOCKET = re.compile(r"socket:\[(\d+)\]")


def title_of(pid: int) -> str:
    """A process's command line, or what it wrote over it; "" when it is gone."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def parent_of(pid: int) -> int:
    """0 when it is gone."""
    try:
        status = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return 0
    return int(status.rpartition(")")[2].split()[1])


def children_of(pid: int) -> list[int]:
    """Processes that it started and that it has not reaped."""
    return [child for child in _pids() if parent_of(child) == pid]


def group_of(leader: int) -> list[int]:
    """Processes of a group, whether or not its leader is still there."""
    members = []
    for pid in _pids():
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(pid) == leader:
                members.append(pid)
    return members


def connections_of(pids: Iterable[int], endpoints: Collection[str]) -> Counter[str]:
    """How many connections these processes have open to each of the endpoints, ``address:port`` as in `Server`.

    Those of processes that we may not look into are not counted.
    """
    found: Counter[str] = Counter()
    for pid in pids:
        inodes = _sockets_of(pid)
        if inodes:
            found.update(remote for remote, inode in _established(pid) if inode in inodes and remote in endpoints)
    return found


def connections_in(tables: str, endpoints: Collection[str]) -> Counter[str]:
    """The same of all processes of another network namespace, by its tables /proc/net/tcp and /proc/net/tcp6.

    Of a machine with our byte order.
    """
    rows = _rows(tables.splitlines(), ESTABLISHED)
    return Counter(remote for remote, _ in rows if remote in endpoints)


def listeners_of(port: int) -> list[int]:
    """Processes that listen on a TCP port in our network namespace; 0 for those that we may not look into."""
    inodes = {inode for local, inode in _sockets("self", LISTENING) if local.rpartition(":")[2] == str(port)}
    if not inodes:
        return []
    found = [pid for pid in sorted(_pids()) if _sockets_of(pid) & inodes]
    return found or [0]


def _pids() -> Iterable[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]


def _sockets_of(pid: int) -> set[str]:
    try:
        entries = list((PROC / str(pid) / "fd").iterdir())
    except OSError:
        return set()  # it is gone, or not ours to look into
    links = []
    for entry in entries:
        with contextlib.suppress(OSError):  # closed meanwhile
            links.append(str(entry.readlink()))
    return {match[1] for link in links if (match := _SOCKET.fullmatch(link))}


def _established(pid: int) -> Iterable[tuple[str, str]]:
    """Remote endpoint and inode of each TCP connection in the process's network namespace."""
    return _sockets(str(pid), ESTABLISHED)


def _sockets(process: str, state: str) -> Iterable[tuple[str, str]]:
    """Endpoint and inode of each TCP socket in that state; the far end, or our own of one that listens."""
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            yield from _rows((PROC / process / "net" / name).read_text().splitlines(), state)


def _rows(lines: Iterable[str], state: str) -> Iterable[tuple[str, str]]:
    column = 1 if state == LISTENING else 2
    for line in lines:
        fields = line.split()
        if len(fields) > _INODE and fields[3] == state:
            yield _endpoint(fields[column]), fields[_INODE]


def _endpoint(text: str) -> str:
    """``0100007F:1F90`` -> ``127.0.0.1:8080``, on a little-endian machine."""
    digits, _, port = text.partition(":")
    words = [int(digits[start : start + _WORD], 16) for start in range(0, len(digits), _WORD)]
    address = ip_address(b"".join(word.to_bytes(_WORD // 2, sys.byteorder) for word in words))
    mapped = getattr(address, "ipv4_mapped", None)
    shown = str(mapped or address)
    return f"[{shown}]:{int(port, 16)}" if ":" in shown else f"{shown}:{int(port, 16)}"
