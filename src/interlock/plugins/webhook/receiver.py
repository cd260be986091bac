"""One URL and what waits for it: in order, one message at a time, each until it is taken or given up."""

import asyncio
import secrets
import time
from collections import deque
from typing import Any, NoReturn

import aiohttp
import msgspec
import structlog
from yarl import URL

from interlock.core.happenings import AnyHappening
from interlock.core.problems import PermanentError, shown
from interlock.plugins.urls import http_url
from interlock.plugins.webhook.settings import WebhookSettings
from interlock.plugins.webhook.signing import signed_headers
from interlock.version import __version__

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two tries of one message, doubling."""
GONE = 410
"""The receiver wants no more: what it was just told is dropped, not tried again."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a POST."""

    kind: str
    """Of the happening: ``ReloadDone``."""
    at: float
    """Unix seconds, by Interlock's clock."""
    interlock: str
    """The version that tells."""
    dropped: int
    """Messages that this receiver has missed so far, since the plugin was started."""
    happening: Any


class _Waiting(msgspec.Struct, frozen=True):
    message_id: str
    happening: AnyHappening


class Receiver:
    """Whoever listens at one URL."""

    def __init__(self, url: str, key: bytes, settings: WebhookSettings) -> None:
        """Raises PermanentError for what is no URL to post to."""
        self._url = _checked(url)
        self.name = str(self._url.origin())
        """Without user, path and query, which may be secrets."""
        self.delivered = 0
        self.dropped = 0
        self._key = key
        self._settings = settings
        self._queue: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Messages that have not been taken yet."""
        return len(self._queue)

    def tell(self, happening: AnyHappening) -> None:
        """Never blocks; where too much waits, the oldest is dropped."""
        if len(self._queue) >= self._settings.queue:
            self._queue.popleft()
            self._drop(f"{self._settings.queue} messages wait already")
        self._queue.append(_Waiting(f"msg_{secrets.token_hex(12)}", happening))
        self._arrived.set()

    async def run(self, session: aiohttp.ClientSession) -> NoReturn:
        """Deliver until cancelled."""
        while True:
            while self._queue:
                waiting = self._queue[0]
                await self._deliver(session, waiting)
                if self._queue and self._queue[0] is waiting:  # a full queue may have pushed it out meanwhile
                    self._queue.popleft()
            self._arrived.clear()
            await self._arrived.wait()

    async def _deliver(self, session: aiohttp.ClientSession, waiting: _Waiting) -> None:
        """Try until it is taken, given up, or pushed out."""
        began, pause = time.monotonic(), FIRST_PAUSE
        while self._queue and self._queue[0] is waiting:
            why, is_final = await self._attempt(session, waiting)
            if not why:
                self.delivered += 1
                return
            if is_final or time.monotonic() - began + pause > self._settings.give_up_after:
                self._drop(why)
                return
            log.debug(f"[webhook] {self.name} {why}; trying again", pause=f"{pause:g}s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _attempt(self, session: aiohttp.ClientSession, waiting: _Waiting) -> tuple[str, bool]:
        """Why it was not taken, "" if it was; and whether it never will be."""
        body = msgspec.json.encode(self._message(waiting.happening))
        headers = signed_headers(self._key, message_id=waiting.message_id, timestamp=int(time.time()), body=body)
        try:
            async with (
                asyncio.timeout(self._settings.timeout),
                session.post(self._url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                taken = response.status // 100 == 2  # noqa: PLR2004 - RFC 9110: successful
                return "" if taken else f"answers {response.status}", response.status == GONE
        except TimeoutError:
            return f"does not answer within {self._settings.timeout:g} s", False
        except (aiohttp.ClientError, OSError) as error:
            return f"cannot be reached: {type(error).__name__}", False

    def _message(self, happening: AnyHappening) -> Message:
        return Message(
            kind=type(happening).__name__,
            at=happening.at,
            interlock=__version__,
            dropped=self.dropped,
            happening=happening,
        )

    def _drop(self, why: str) -> None:
        """The first one, and then every hundredth, is worth a line."""
        self.dropped += 1
        if self.dropped % 100 == 1:
            log.warning(f"[webhook] a message for {self.name} is dropped: {why}", dropped=self.dropped)


def _checked(url: str) -> URL:
    parsed = http_url(url)
    if parsed is None:
        raise PermanentError(
            f"the webhook URL {shown(url, length=20)} is none to post to", fix="write https://HOST/PATH"
        )
    return parsed
