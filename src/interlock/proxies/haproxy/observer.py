"""What HAProxy serves, as its runtime socket tells: its servers, and where its routes map leads."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from interlock.core.model import Match, Options
from interlock.core.plan import Lead, Served, ServingRoute, shape
from interlock.host.slices import in_slices, slices
from interlock.proxies.haproxy import runtime
from interlock.proxies.haproxy.leads import lead_of
from interlock.proxies.haproxy.names import backend_name, map_key, match_of
from interlock.proxies.haproxy.reaper import Reaper
from interlock.proxies.haproxy.spares import Spares

ASK_ALL_FROM = 64
"""Matches from which asking for everything is cheaper than asking one by one."""

Told = tuple[Mapping[str, Served], str]
"""Servers of a match's backend, and its entry in the routes map."""


class Observer:
    """Asks, and puts the answers together."""

    def __init__(self, ask: Callable[[list[str]], Awaitable[list[str]]], reaper: Reaper, spares: Spares) -> None:
        self._ask = ask
        self._reaper = reaper
        self._spares = spares

    async def see(
        self, structure: Mapping[Match, Options], matches: Collection[Match] | None
    ) -> dict[Match, ServingRoute]:
        """What is served for these matches (None: for all), given which of them have a backend."""
        if matches is None or len(matches) >= ASK_ALL_FROM:
            return await self._see_all(structure, matches)
        return await self._see_each(structure, sorted(matches))

    async def entries(self) -> dict[str, str]:
        """The whole routes map."""
        (answer,) = await self._ask([runtime.WHOLE_MAP])
        return await self._read_map(answer)

    async def _see_each(
        self, structure: Mapping[Match, Options], matches: Sequence[Match]
    ) -> dict[Match, ServingRoute]:
        seats = [self._spares.seat_of(match) for match in matches]
        questions = [
            text
            for match, seat in zip(matches, seats, strict=True)
            for text in (runtime.ask_servers(seat), runtime.ask_route(map_key(match)))
        ]
        answers = await self._ask(questions) if questions else []
        told: dict[Match, Told] = {}
        for match, seat, servers, entry in zip(matches, seats, answers[::2], answers[1::2], strict=True):
            told[match] = (
                runtime.read_servers(servers).get(backend_name(seat), {}),
                runtime.read_route(entry, map_key(match)),
            )
        return self._seen(structure, told)

    async def _see_all(
        self, structure: Mapping[Match, Options], matches: Collection[Match] | None
    ) -> dict[Match, ServingRoute]:
        state, routes = await self._ask([runtime.WHOLE_STATE, runtime.WHOLE_MAP])
        servers: dict[str, dict[str, Served]] = {}
        for part in await in_slices(runtime.read_servers, runtime.parts_of_state(state), size=1):
            for name, known in part.items():
                servers.setdefault(name, {}).update(known)
        entries = await self._read_map(routes)
        asked = sorted(structure.keys() | {match_of(key) for key in entries} if matches is None else matches)
        seen: dict[Match, ServingRoute] = {}
        for batch in slices(asked):
            told: dict[Match, Told] = {
                match: (
                    servers.get(backend_name(self._spares.seat_of(match)), {}),
                    entries.get(map_key(match), ""),
                )
                for match in batch
            }
            seen |= self._seen(structure, told)
            await asyncio.sleep(0)
        return seen

    @staticmethod
    async def _read_map(answer: str) -> dict[str, str]:
        entries: dict[str, str] = {}
        for some in await in_slices(runtime.read_map, runtime.parts_of_map(answer), size=1):
            entries |= some
        return entries

    def _seen(self, structure: Mapping[Match, Options], told: Mapping[Match, Told]) -> dict[Match, ServingRoute]:
        """What HAProxy told of each match; nothing of one that has neither a backend nor a message."""
        seen = {}
        for match, (servers, entry) in told.items():
            seat = self._spares.seat_of(match)
            leads = lead_of(seat, entry)
            if match in structure:
                present = {
                    name: served
                    for name, served in servers.items()
                    if served.takes_traffic or (seat, name) not in self._reaper
                }
                seen[match] = ServingRoute(shape=shape(structure[match]), leads=leads, servers=present)
            elif not isinstance(leads, Lead):
                seen[match] = ServingRoute(shape="", leads=leads, servers={})
        return seen
