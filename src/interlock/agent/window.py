"""Answers requests: examined first, then asked of the engine, then made anew."""

import asyncio
import re

import msgspec
from aiohttp import web

from interlock.agent.allowed import Call, Kind, Refusal, examine
from interlock.agent.refusals import Refusals
from interlock.agent.remaking import message, refusal, remade
from interlock.agent.telling import retold
from interlock.agent.upstream import Answer, Upstream
from interlock.core.problems import InterlockError, shown
from interlock.engines.stream import ObjectSplitter

HEALTH = "/healthz"
"""Answered by the agent itself, whatever the engine does."""
SLOW_SECONDS = 10.0
"""For which a client's connection may take nothing more before it is cut."""
PIECE = 64 << 10
"""Bytes of a whole answer that are handed over at a time."""

_OK, _FORBIDDEN, _BAD_GATEWAY = 200, 403, 502
_FIRST_REFUSAL = 400
_LAST_REFUSAL = 599
_JSON, _TEXT = "application/json", "text/plain"
_API = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}")


class _Reply(msgspec.Struct, frozen=True):
    """A whole answer to a client."""

    status: int
    body: bytes
    content_type: str = _JSON
    api: str = ""
    """Header Api-Version, "" for none."""
    is_last: bool = False
    """Whether the connection ends with it."""


class Window:
    """What clients see of one engine."""

    def __init__(self, upstream: Upstream, refusals: Refusals, *, slow_seconds: float = SLOW_SECONDS) -> None:
        self._upstream = upstream
        self._refusals = refusals
        self._slow_seconds = slow_seconds

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Any request; an engine that is away is 502, in the Docker API's own form."""
        target = request.raw_path
        if target == HEALTH and request.method == "GET" and not request.body_exists:
            return await self._hand_over(request, _Reply(_OK, b"OK", _TEXT))
        call = examine(request.method, target, request.headers)
        if isinstance(call, Refusal):
            return await self._hand_over(request, self._refused(request, call))
        try:
            if call.kind is Kind.EVENTS:
                return await self._stream(request, call)
            reply = await self._whole(call)
        except InterlockError as error:
            reply = _Reply(_BAD_GATEWAY, message(shown(str(error), length=500)))
        return await self._hand_over(request, reply)

    def _refused(self, request: web.BaseRequest, why: Refusal) -> _Reply:
        """Nothing is read any more from who asks for that."""
        asked = f"{shown(request.method)} {shown(request.raw_path)}"
        self._refusals.tell(f"[agent] refused {asked}: {why.what}", client=client_of(request.transport))
        return _Reply(_FORBIDDEN, message(why.message), is_last=True)

    async def _whole(self, call: Call) -> _Reply:
        answer = await self._upstream.get(call.target)
        if answer.status != _OK:
            return _passed(answer)
        body = await remade(call.kind, answer.body)
        api = answer.api if _API.fullmatch(answer.api) is not None else ""
        return _Reply(_OK, body, _TEXT if call.kind is Kind.PING else _JSON, api)

    async def _hand_over(self, request: web.BaseRequest, reply: _Reply) -> web.StreamResponse:
        """Piece by piece: the server itself would wait for ever for a client that takes nothing."""
        response = web.StreamResponse(status=reply.status, headers={"Content-Type": reply.content_type})
        if reply.api:
            response.headers["Api-Version"] = reply.api
        if reply.is_last:
            response.force_close()
        response.content_length = len(reply.body)
        body = b"" if request.method == "HEAD" else reply.body
        try:
            async with asyncio.timeout(self._slow_seconds):
                await response.prepare(request)
            for start in range(0, len(body), PIECE):
                async with asyncio.timeout(self._slow_seconds):
                    await response.write(body[start : start + PIECE])
            async with asyncio.timeout(self._slow_seconds):
                await response.write_eof()
        except (TimeoutError, ConnectionError):
            _cut(request)
        return response

    async def _stream(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        async with self._upstream.follow(call.target) as told:
            if told.status != _OK:
                return await self._hand_over(request, _passed(await self._upstream.refused(told)))
            response = web.StreamResponse(headers={"Content-Type": _JSON})
            await response.prepare(request)
            splitter = ObjectSplitter()
            try:
                while data := await self._upstream.chunk(told):
                    events = b"".join(filter(None, map(retold, splitter.feed(data))))
                    if events:
                        async with asyncio.timeout(self._slow_seconds):
                            await response.write(events)
            except (InterlockError, TimeoutError, ConnectionError):
                pass  # the engine's stream broke, or the client does not read: both ends are cut
        _cut(request)
        return response


def client_of(transport: asyncio.BaseTransport | None) -> str:
    """Who asks, for the log: address, and the name in its certificate."""
    if transport is None:
        return "gone"
    peer = transport.get_extra_info("peername")
    address = str(peer[0]) if isinstance(peer, tuple) else "local"
    certificate = transport.get_extra_info("peercert") or {}
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return shown(" ".join([address, *names]))


def _cut(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _passed(answer: Answer) -> _Reply:
    """The engine's refusal. A redirection, or anything else that is no answer, is none that Interlock knows."""
    is_refusal = _FIRST_REFUSAL <= answer.status <= _LAST_REFUSAL
    return _Reply(answer.status if is_refusal else _BAD_GATEWAY, refusal(answer.body))
