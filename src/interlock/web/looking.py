"""What can be looked at: whether it lives and is ready, status, routes, traffic, containers."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec
from aiohttp import web

from interlock.web.access import GATE
from interlock.web.answers import json
from interlock.web.endpoint import Right
from interlock.web.orders import Orders

_RIGHTS: Mapping[Right, Literal["nothing", "read", "operate"]] = MappingProxyType(
    {Right.NOTHING: "nothing", Right.READ: "read", Right.OPERATE: "operate"}
)


class Readiness(msgspec.Struct, frozen=True):
    """``GET /readyz``."""

    ready: bool
    because: tuple[str, ...] = ()
    """Why not."""
    without: tuple[str, ...] = ()
    """Names of proxies in containers that are not served yet, and are not waited for (any more)."""


class Alive(msgspec.Struct, frozen=True):
    """``GET /healthz``."""

    alive: bool = True


class Access(msgspec.Struct, frozen=True):
    """``GET /v1/access``."""

    right: Literal["nothing", "read", "operate"]
    """What this caller may do; each includes those before it."""


async def health(_request: web.Request, _orders: Orders) -> web.Response:
    return json(Alive())


async def readiness(_request: web.Request, orders: Orders) -> web.Response:
    status = orders.status()
    without = tuple(proxy.name for proxy in status.proxies if not (proxy.ready or proxy.waited_for))
    return json(Readiness(status.ready, status.not_ready_because, without), status=200 if status.ready else 503)


async def access(request: web.Request, _orders: Orders) -> web.Response:
    return json(Access(_RIGHTS[request.app[GATE].right_of(request)]))


async def status(_request: web.Request, orders: Orders) -> web.Response:
    return json(orders.status())


async def routes(_request: web.Request, orders: Orders) -> web.Response:
    return json(orders.routes())


async def changes(request: web.Request, orders: Orders) -> web.Response:
    return json(orders.changes.since(request.match_info["at"]))


async def names(_request: web.Request, orders: Orders) -> web.Response:
    return json(orders.names())


async def traffic(_request: web.Request, orders: Orders) -> web.Response:
    return json(await orders.traffic())


async def containers(request: web.Request, orders: Orders) -> web.Response:
    return json(await orders.containers(request.match_info["who"]))
