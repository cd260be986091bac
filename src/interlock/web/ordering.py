"""What can be ordered: drain and undrain, weights, maintenance, belief in a list that is held."""

from typing import Annotated

import msgspec
from aiohttp import web

from interlock.core.targets import LONGEST_TARGET
from interlock.web.answers import body, json
from interlock.web.orders import Orders

LONGEST_HOST = 512
LONGEST_TEXT = 4096
"""Characters; what a host or a message may really have is checked later, with a better answer."""

Who = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TARGET)]
Host = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_HOST)]
Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]

NAMED = '{"target": "web_1"}'
WEIGHED = '{"target": "web", "weight": 20}'
MAINTAINED = '{"host": "www.example.com", "on": true, "message": "Back at noon"}'
CONFIRMED = "{}"
"""A body of each kind."""


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /v1/drain`` and ``/v1/undrain``."""

    target: Who
    """A container's name, id or the beginning of its id; or a Compose service, ``SERVICE`` or ``PROJECT/SERVICE``."""


class Weighed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /v1/weigh``."""

    target: Who
    weight: int | None
    """0 to 256; null gives back what the containers ask for themselves."""


class Maintained(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /v1/maintenance``."""

    host: Host
    on: bool
    message: Text = ""
    until: Text = ""
    """RFC 3339; "" for no end."""


class Confirmed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /v1/confirm``."""


async def drain(request: web.Request, orders: Orders) -> web.Response:
    return json(await orders.drain((await body(request, Named, example=NAMED)).target))


async def undrain(request: web.Request, orders: Orders) -> web.Response:
    return json(await orders.undrain((await body(request, Named, example=NAMED)).target))


async def weigh(request: web.Request, orders: Orders) -> web.Response:
    order = await body(request, Weighed, example=WEIGHED)
    return json(await orders.weigh(order.target, order.weight))


async def maintenance(request: web.Request, orders: Orders) -> web.Response:
    order = await body(request, Maintained, example=MAINTAINED)
    if order.on:
        return json(await orders.close(order.host, order.message, order.until))
    return json(await orders.reopen(order.host))


async def confirm(request: web.Request, orders: Orders) -> web.Response:
    await body(request, Confirmed, example=CONFIRMED)
    return json(await orders.confirm())
