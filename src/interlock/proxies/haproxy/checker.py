"""The second wall: HAProxy's own check of what was rendered. What it refuses is found, named and left out."""

import re
from collections.abc import Sequence
from functools import partial

import msgspec

from interlock.core.model import Match
from interlock.host.slices import in_slices, in_thread
from interlock.proxies.contract import Refused
from interlock.proxies.haproxy.disk import Disk
from interlock.proxies.haproxy.master import Master, alerts
from interlock.proxies.haproxy.names import backend_name
from interlock.proxies.haproxy.render import Frame, Rendered, assemble, piece
from interlock.proxies.serving.sieve import Verdict, sift
from interlock.proxies.serving.sites import Site

_LINE = re.compile(r"haproxy\.cfg:(\d+)\]")
_NAMED = re.compile(r"(?:backend|proxy|server) '([^'/]+)")


class Checked(msgspec.Struct, frozen=True):
    """A configuration that HAProxy accepts."""

    rendered: Rendered
    sites: tuple[Site, ...]
    refused: tuple[Refused, ...]


class Checker:
    """Asks HAProxy about candidates."""

    _candidate: Rendered
    """The last one that HAProxy was asked about."""

    def __init__(self, master: Master, disk: Disk) -> None:
        self._master = master
        self._disk = disk

    async def check(self, frame: Frame, sites: Sequence[Site]) -> Checked:
        """The largest part of `sites` that HAProxy accepts.

        Raises:
            PermanentError: it refuses the operator's settings, with no site at all.
            TemporaryError: it comes to no verdict.
        """
        sifted = await sift("haproxy", sites, partial(self._judge, frame))
        return Checked(self._candidate, sifted.sites, sifted.refused)

    async def _judge(self, frame: Frame, sites: Sequence[Site]) -> Verdict:
        rendered = self._candidate = assemble(frame, await in_slices(partial(piece, frame), sites))
        await in_thread(self._disk.write_candidate, rendered.files)
        ended = await self._master.check()
        culprits = _culprits(ended.output, rendered, sites) if ended.code else ()
        return Verdict(accepted=ended.code == 0, why=alerts(ended.output), culprits=culprits)


def _culprits(output: str, rendered: Rendered, sites: Sequence[Site]) -> list[Match]:
    """The sites that the alerts point at, by line number or by name."""
    by_name = {backend_name(site.match): site.match for site in sites}
    lines = rendered.config.splitlines()
    named = set()
    for alert in (line for line in output.splitlines() if "[ALERT]" in line):
        named.update(_NAMED.findall(alert))
        for number in _LINE.findall(alert):
            above = lines[: int(number)]
            heads = (line.split()[1] for line in reversed(above) if re.match(r"(backend|frontend) ", line))
            named.add(next(heads, ""))
    return [match for name, match in by_name.items() if name in named]
