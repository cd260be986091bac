"""What HAProxy counts: what is under way, and what has been."""

from collections import Counter
from collections.abc import Collection, Mapping

from interlock.core.model import Match
from interlock.core.traffic import Counters, RouteCounters
from interlock.host.slices import in_slices
from interlock.proxies.haproxy import counters, runtime
from interlock.proxies.haproxy.master import Master
from interlock.proxies.haproxy.names import backend_name
from interlock.proxies.haproxy.spares import Spares


class Traffic:
    """Asks, and puts the answers together."""

    def __init__(self, master: Master, spares: Spares) -> None:
        self._master = master
        self._spares = spares

    async def sessions(self, match: Match) -> Mapping[str, int]:
        """Requests under way at each server of a match, in replaced workers too."""
        answers = await self._master.ask([runtime.ask_sessions(self._spares.seat_of(match))])
        for seat in self._spares.all_seats_of(match):
            answers += await self._master.ask_old_workers(runtime.ask_sessions(seat))
        sessions: Counter[str] = Counter()
        for answer in answers:
            sessions.update(runtime.read_sessions(answer))
        return sessions

    async def counters(self, matches: Collection[Match]) -> dict[Match, RouteCounters]:
        """What the worker that serves now has counted, of these matches."""
        seats = {backend_name(self._spares.seat_of(match)): match for match in matches}
        totals: dict[Match, Counters] = {}
        servers: dict[Match, dict[str, Counters]] = {}
        answer = await self._master.ask_apart(counters.ASK)
        for part in await in_slices(counters.read, counters.parts(answer), size=1):
            for line in part:
                match = seats.get(line.backend)
                if match is None:
                    continue
                if line.server:
                    servers.setdefault(match, {})[line.server] = line.counters
                else:
                    totals[match] = line.counters
        return {match: RouteCounters(total=total, servers=servers.get(match, {})) for match, total in totals.items()}
