"""The event stream of a fake engine, to as many as listen."""

import asyncio
import json

from aiohttp import web

from interlock.testing.fake_container import FakeContainer
from interlock.testing.flavours import Flavour

_WITHOUT_LEGACY = (1, 52)
"""The API from which on events have neither status nor id nor from."""

_SECONDS = 1795508689
"""When everything happens."""


class _Listener:
    """One subscriber."""

    def __init__(self, request: web.Request, *, api: tuple[int, int]) -> None:
        self.api = api
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        """Bytes to send; None cuts the connection."""
        self._filters: dict[str, list[str]] = json.loads(request.query.get("filters", "{}"))

    def wants(self, kind: str, action: str) -> bool:
        kinds, actions = self._filters.get("type"), self._filters.get("event")
        return (not kinds or kind in kinds) and (not actions or any(action.startswith(one) for one in actions))


class EventStreams:
    """Sends events in the words of its flavour, and breaks on command."""

    def __init__(self, flavour: Flavour) -> None:
        self.is_mute = False
        """While set, events are lost on the way."""
        self.cut_next_at: int | None = None
        """Send only so many bytes of the next event, and then cut every connection."""
        self.thawed = asyncio.Event()
        self.thawed.set()
        self._flavour = flavour
        self._listeners: set[_Listener] = set()
        self._subscribed = asyncio.Event()

    async def subscribed(self) -> None:
        """Wait until somebody listens."""
        await self._subscribed.wait()

    def cut(self) -> None:
        """End every stream in the middle, as a proxy or a dying engine does."""
        for listener in self._listeners:
            listener.queue.put_nowait(None)
        self._subscribed.clear()

    def send(self, data: bytes) -> None:
        """Send bytes as they are to everybody."""
        for listener in self._listeners:
            listener.queue.put_nowait(data)

    def tell(self, container: FakeContainer, action: str, **attributes: str) -> None:
        """An event of a container."""
        if not self._flavour.names_signals:
            attributes.pop("signal", None)
        attributes = {**container.labels, "image": container.image, "name": container.name, **attributes}
        self._tell("container", action, container.id, attributes, image=container.image, node=container.node)

    def tell_network(self, container: FakeContainer, action: str, network: str) -> None:
        """A container is connected to a network, or disconnected."""
        if self._flavour.network_actor_is_container:
            self._tell("network", action, container.id, {"name": container.name}, node=container.node)
        else:
            attributes = {"container": container.id, "name": network, "type": "bridge"}
            self._tell("network", action, network.encode().hex(), attributes, node=container.node)

    def tell_node(self, action: str, node: str = "node-1") -> None:
        """What a classic Swarm manager says of its nodes, such as ``engine_disconnect``."""
        self._tell("swarm", action, "", {"node.name": node}, image="swarm", node=node)

    def tell_swarm(self, kind: str, action: str, id_: str) -> None:
        """What a manager of a swarm says of its services and nodes."""
        self._tell(kind, action, id_, {"name": id_})

    async def serve(self, request: web.Request, api: tuple[int, int]) -> web.StreamResponse:
        """Answer ``GET /events``, until one side has enough."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        listener = _Listener(request, api=api)
        self._listeners.add(listener)
        self._subscribed.set()
        try:
            while (data := await listener.queue.get()) is not None:
                await self.thawed.wait()
                await response.write(data)
        finally:
            self._listeners.discard(listener)
        if request.transport is not None:
            request.transport.abort()
        return response

    def _tell(
        self, kind: str, action: str, actor: str, attributes: dict[str, str], *, image: str = "", node: str = ""
    ) -> None:
        if self.is_mute:
            return
        event: dict[str, object] = {
            "Type": kind,
            "Action": action,
            "Actor": {"ID": actor, "Attributes": attributes},
            "scope": "local",
            "time": _SECONDS,
            "timeNano": _SECONDS * 10**9,
        }
        legacy: dict[str, object] = {}
        if kind != "network" or self._flavour.network_actor_is_container:
            legacy = {"status": action, "id": actor, "from": f"{image} node:{node}" if node else image}
        for listener in self._listeners:
            if self._flavour.honours_filters and not listener.wants(kind, action):
                continue
            told = event if listener.api >= _WITHOUT_LEGACY else {**legacy, **event}
            data = json.dumps(told, separators=(",", ":")).encode() + self._flavour.separator
            listener.queue.put_nowait(data[: self.cut_next_at])
            if self.cut_next_at is not None:
                listener.queue.put_nowait(None)
        self.cut_next_at = None
