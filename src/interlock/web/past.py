"""What was: revisions and their differences; and the orders to go back there, or to stay here."""

import asyncio
from contextlib import aclosing
from typing import Annotated

import msgspec
from aiohttp import web

from interlock.core.problems import PermanentError, shown
from interlock.core.revision_status import Difference, HistoryStatus, RevisionStatus
from interlock.core.status import Receipt
from interlock.web.answers import body, json
from interlock.web.endpoint import Endpoint, Parameter, Right
from interlock.web.orders import Orders

LIMIT = Parameter(name="limit", doc="How many revisions at most; 20 unless told.")
DEFAULT_LIMIT = 20
SIZE = Parameter(name="limit", doc="How many bytes at most; 256 MiB unless told.")
DEFAULT_SIZE = 256 << 20
LINES = "application/x-ndjson"
WRITE_SECONDS = 30.0
"""For a line to leave."""
LONGEST_NUMBER = 12
"""Digits; a revision a millisecond would take thirty years to get there."""

Until = Annotated[str, msgspec.Meta(max_length=100)]
"""RFC 3339; "" for no end."""

ROLLED_BACK = '{"revision": 42}'
FROZEN = '{"until": "2026-11-24T18:00:00Z"}'
NOTHING = "{}"
"""A body of each kind."""


class RolledBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /v1/rollback``."""

    revision: Annotated[int, msgspec.Meta(ge=1, lt=10**LONGEST_NUMBER)]
    until: Until = ""


class Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /v1/freeze``."""

    until: Until


class Released(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /v1/unpin`` and ``/v1/unfreeze``."""


async def revisions(request: web.Request, orders: Orders) -> web.Response:
    limit = _number(request.query.get(LIMIT.name, str(DEFAULT_LIMIT)))
    return json(orders.timeline.revisions(limit))


async def revision(request: web.Request, orders: Orders) -> web.Response:
    return json(orders.timeline.revision(_number(request.match_info["number"])))


async def difference(request: web.Request, orders: Orders) -> web.Response:
    before, now = (_number(request.match_info[name]) for name in ("number", "other"))
    return json(orders.timeline.difference(before, now))


async def recording(request: web.Request, orders: Orders) -> web.StreamResponse:
    limit = _number(request.query.get(SIZE.name, str(DEFAULT_SIZE)))
    answer = web.StreamResponse(headers={"Content-Type": LINES, "Cache-Control": "no-store"})
    async with aclosing(orders.recorder.lines(limit)) as lines:
        first = await anext(lines)
        try:
            await answer.prepare(request)
            await _write(answer, first)
            async for line in lines:
                await _write(answer, line)
        except (TimeoutError, ConnectionError):
            pass  # the caller is gone
    return answer


async def _write(answer: web.StreamResponse, line: bytes) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await answer.write(line)


async def rollback(request: web.Request, orders: Orders) -> web.Response:
    order = await body(request, RolledBack, example=ROLLED_BACK)
    return json(await orders.timeline.rollback(order.revision, order.until))


async def unpin(request: web.Request, orders: Orders) -> web.Response:
    await body(request, Released, example=NOTHING)
    return json(await orders.timeline.unpin())


async def freeze(request: web.Request, orders: Orders) -> web.Response:
    return json(await orders.timeline.freeze((await body(request, Frozen, example=FROZEN)).until))


async def unfreeze(request: web.Request, orders: Orders) -> web.Response:
    await body(request, Released, example=NOTHING)
    return json(await orders.timeline.unfreeze())


def _number(text: str) -> int:
    """Raises PermanentError for what is no number."""
    if not text.isascii() or not text.isdecimal() or len(text) > LONGEST_NUMBER:
        raise PermanentError(f"{shown(text)} is no number", fix="write one like 42")
    return int(text)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/revisions",
        revisions,
        Right.READ,
        "The last revisions, the newest first",
        HistoryStatus,
        parameters=(LIMIT,),
        faults=(400,),
    ),
    Endpoint(
        "GET",
        "/v1/revisions/{number}",
        revision,
        Right.READ,
        "One revision: its causes, steps, outcome, and the routes that it changed",
        RevisionStatus,
        faults=(400, 404),
    ),
    Endpoint(
        "GET",
        "/v1/revisions/{number}/diff/{other}",
        difference,
        Right.READ,
        "The routes that are wanted otherwise at the other revision",
        Difference,
        faults=(400, 404),
    ),
    Endpoint(
        "GET",
        "/v1/recording",
        recording,
        Right.READ,
        "What is known, and then what comes in, line by line until the caller ends it, for `interlock replay`",
        str,
        parameters=(SIZE,),
        faults=(400, 503),
        content_type=LINES,
    ),
    Endpoint(
        "POST",
        "/v1/rollback",
        rollback,
        Right.OPERATE,
        "Serve the routes of a revision until `unpin`, by the servers of then that are still there",
        Receipt,
        RolledBack,
        ROLLED_BACK,
        faults=(400, 404, 503),
    ),
    Endpoint(
        "POST",
        "/v1/unpin",
        unpin,
        Right.OPERATE,
        "Serve what the containers ask for now",
        Receipt,
        Released,
        NOTHING,
        faults=(400, 503),
    ),
    Endpoint(
        "POST",
        "/v1/freeze",
        freeze,
        Right.OPERATE,
        "Hold the routes and their options as they are, until a time",
        Receipt,
        Frozen,
        FROZEN,
        faults=(400, 503),
    ),
    Endpoint(
        "POST",
        "/v1/unfreeze",
        unfreeze,
        Right.OPERATE,
        "Hold them no longer",
        Receipt,
        Released,
        NOTHING,
        faults=(400, 503),
    ),
)
"""The rows of the API's table."""
