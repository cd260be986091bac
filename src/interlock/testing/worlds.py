"""Small worlds: containers as an engine would tell of them, and the routes that come of them."""

from typing import Any, TypeVar

import msgspec

from interlock.core.events import Changed, Listed, Placed, View
from interlock.core.model import Attachment, Binding, Container, Phase, Port, RouteTable
from interlock.core.routes import Routes
from interlock.core.world import World

ENGINE = "docker"
LONG_AGO = "2026-06-01T00:00:00Z"
"""Later than the start of every container made here: they are taken to be listening."""

T = TypeVar("T", bound=msgspec.Struct)


def container(
    name: str = "web_1",
    data: str | None = '{"hostname":"demo","domain":"interlock.com"}',
    *,
    number: int = 1,
    **fields: Any,
) -> Container:
    """A running container with one exposed and published port, reachable on the default bridge.

    `data` is its INTERLOCK_DATA; `number` (from 1) makes its id, its address, its published port and its age.
    """
    made: dict[str, Any] = {
        "engine": ENGINE,
        "id": f"{number:064x}",
        "name": name,
        "hostname": f"{number:012x}",
        "environment": {"INTERLOCK_DATA": data} if data is not None else {},
        "phase": Phase.RUNNING,
        "created": f"2026-01-01T00:00:{number:02d}Z",
        "started_at": f"2026-01-02T00:00:{number:02d}Z",
        "exposed": (Port(5000),),
        "bindings": (Binding(5000, "tcp", "0.0.0.0", 32768 + number),),  # noqa: S104 - as an engine writes it
        "attachments": (Attachment("bridge", "n-bridge", f"172.17.0.{number + 1}"),),
        "network_mode": "default",
    }
    return Container(**(made | fields))


def replaced(value: T, **fields: Any) -> T:
    """The same value with other fields."""
    return msgspec.structs.replace(value, **fields)


def listed(*containers: Container) -> Listed:
    return Listed(ENGINE, containers)


def changed(value: Container) -> Changed:
    return Changed(value)


def placed(**fields: Any) -> Placed:
    """Interlock on the engine's own host, unless said otherwise."""
    seen: dict[str, Any] = {"engine": ENGINE, "local": True}
    return Placed(View(**(seen | fields)))


def table_of(*containers: Container) -> RouteTable:
    """What these containers are wanted to be served by."""
    routes = Routes(World())
    for event in (placed(), listed(*containers)):
        routes.update(routes.world.advance(event, settled_before=LONG_AGO))
    return routes.table
