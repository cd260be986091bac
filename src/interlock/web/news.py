"""``GET /v1/events``: what happens, as server-sent events (WHATWG HTML, 9.2), one JSON object each.

Nobody who listens can hold up anything: each has a bounded queue, and one that does not keep up is told so and cut. It
comes back with the last id that it has seen, and is told what it missed as far as that is still kept.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from interlock.core.happenings import AnyHappening
from interlock.core.problems import TemporaryError
from interlock.web.orders import Orders

KEPT = 1000
"""Happenings that one who comes back can still be told."""
MOST_WAITING = 256
"""Happenings that wait for one listener before it is cut."""
MOST_LISTENERS = 64
HEARTBEAT_SECONDS = 15.0
"""Without news, so that whatever stands between does not take the connection for dead."""
WRITE_SECONDS = 30.0
"""For what was written to leave."""
RETRY_MILLISECONDS = 2000
"""After which a browser connects again."""
EVENT_STREAM = "text/event-stream"

HEARTBEAT = ": still here\n\n"
CUT = 'event: cut\ndata: {"problem": "this listener is too slow", "fix": "connect again with Last-Event-ID"}\n\n'
MISSED = (
    'event: missed\ndata: {"problem": "what happened since that id is no longer kept", "fix": "ask for /v1/status"}\n\n'
)

NEWS: "web.AppKey[News]" = web.AppKey("news")
"""Where an application keeps its own."""


async def stream(request: web.Request, _orders: Orders) -> web.StreamResponse:
    """``GET /v1/events``, until the caller leaves, is too slow, or Interlock stops."""
    news = request.app[NEWS]
    listener = news.join(request.headers.get("Last-Event-ID", ""))
    response = web.StreamResponse(
        headers={"Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    try:
        await response.prepare(request)
        await _write(response, f"retry: {RETRY_MILLISECONDS}\n\n")
        async for text in listener.texts():
            await _write(response, text)
    except (TimeoutError, ConnectionError):
        pass  # the caller is gone
    finally:
        news.leave(listener)
    return response


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        await response.write(text.encode())


class News:
    """Keeps the last happenings, and hands new ones to whoever listens."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)
        """Part of every id, so that one of an earlier process is not taken for ours."""
        self._number = 0
        self._kept: deque[_Item] = deque(maxlen=KEPT)
        self._listeners: list[Listener] = []

    def hear(self, happening: AnyHappening) -> None:
        """Take note; it is written as text only if somebody listens."""
        self._number += 1
        item = _Item(self._run, self._number, happening)
        self._kept.append(item)
        for listener in self._listeners:
            listener.offer(item)

    def join(self, last_id: str) -> "Listener":
        """Listen from now on, or from what came after an id. Raises TemporaryError where too many do."""
        if len(self._listeners) >= MOST_LISTENERS:
            raise TemporaryError(f"{MOST_LISTENERS} listen already", fix="close one, and try again")
        listener = Listener()
        if last_id:
            self._catch_up(listener, last_id)
        self._listeners.append(listener)
        return listener

    def leave(self, listener: "Listener") -> None:
        self._listeners.remove(listener)

    def close(self) -> None:
        """Let every listener go."""
        for listener in self._listeners:
            listener.end()

    def _catch_up(self, listener: "Listener", last_id: str) -> None:
        run, _, number = last_id.partition("-")
        is_ours = run == self._run and number.isdecimal()
        since = int(number) if is_ours and len(number) < len("9" * 18) else -1
        oldest = self._kept[0].number if self._kept else self._number + 1
        if since < oldest - 1:
            listener.say(MISSED)
        for item in self._kept:
            if item.number > since:
                listener.say(item.text)


class Listener:
    """One who listens."""

    def __init__(self) -> None:
        self._waiting: deque[_Item | str] = deque()
        self._news = asyncio.Event()
        self._is_over = False

    def offer(self, item: "_Item") -> None:
        """Something new; beyond `MOST_WAITING` it is the last thing that this listener hears of."""
        if self._is_over:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.clear()
            self.say(CUT)
            self.end()
        else:
            self._waiting.append(item)
            self._news.set()

    def say(self, text: str) -> None:
        """Something for this listener alone; it does not count."""
        self._waiting.append(text)
        self._news.set()

    def end(self) -> None:
        """Nothing comes any more."""
        self._is_over = True
        self._news.set()

    async def texts(self) -> AsyncIterator[str]:
        """What to write, heartbeats too, until the end."""
        while self._waiting or not self._is_over:
            while self._waiting:
                item = self._waiting.popleft()
                yield item if isinstance(item, str) else item.text
            self._news.clear()
            if self._is_over:
                continue
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                yield HEARTBEAT


class _Item:
    """One happening with its id; written once for all."""

    def __init__(self, run: str, number: int, happening: AnyHappening) -> None:
        self.number = number
        self._run = run
        self._happening = happening
        self._text = ""

    @property
    def text(self) -> str:
        """JSON has no line breaks outside of texts, and escapes those inside."""
        if not self._text:
            self._text = f"id: {self._run}-{self.number}\ndata: {msgspec.json.encode(self._happening).decode()}\n\n"
        return self._text
