"""Whether the proxy can listen where it is to listen, and who does already."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from interlock.core.model import Container
from interlock.core.problems import PermanentError, shown
from interlock.doctor.check import Check, failed, problem, well
from interlock.host.procfs import listeners_of, title_of
from interlock.proxies.serving import ports

FIRST_FREE = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_USUAL_FIRST_FREE = 1024
_NET_BIND_SERVICE = 1 << 10
"""Bit of CAP_NET_BIND_SERVICE (capabilities(7))."""


def check_port(setting: str, port: int, containers: Collection[Container], ours: Sequence[str]) -> Check:
    """Of one port; `ours` are folders whose names stand in the command line of a proxy that this Interlock runs."""
    about = f"port {port}"
    holders = {process: title_of(process) if process else "" for process in listeners_of(port)}
    if any(folder in title for title in holders.values() for folder in ours):
        return well(about, "the proxy of this Interlock listens there")
    publisher = next((one for one in containers if any(each.host_port == port for each in one.bindings)), None)
    free = f"free it, or set {setting}"
    if publisher is not None and holders:
        return problem(about, f"is published by the container {shown(publisher.name)}", free)
    known = [f"{shown(title) or 'a process out of sight'} (process {each})" for each, title in holders.items() if each]
    if known:
        return problem(about, f"is taken by {known[0]}", free)
    try:
        ports.check_free([(setting, port)])
    except PermanentError as error:
        return failed(about, error)
    if port < _first_free_port() and not _may_bind_low():
        what = f"ports below {_first_free_port()} are for root and for who has CAP_NET_BIND_SERVICE"
        return problem(about, what, f"run as root, or set {setting} to a higher port")
    return well(about, "is free")


def _first_free_port() -> int:
    try:
        return int(FIRST_FREE.read_text())
    except (OSError, ValueError):
        return _USUAL_FIRST_FREE


def _may_bind_low() -> bool:
    if os.geteuid() == 0:
        return True
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next((line.split()[1] for line in lines if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) & _NET_BIND_SERVICE)
