"""NGINX's control socket: who serves, and in live mode what; only our own user and root reach it."""

import asyncio
import re
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path

import aiohttp
import msgspec

from interlock.core.problems import TemporaryError, shown

SECONDS = 10.0
BODY_LENGTH = 1 << 18
"""Characters of one question; no event loop, ours or NGINX's, should be at one for long."""

ANSWER_LIMIT = 1 << 28
"""Bytes of one answer; one question has at most 13,000 pools, and the record of one with 100 servers 6 KB."""

_GENERATION = re.compile(r"interlock ([0-9a-f]{16}) (\d+)\n")


class Answer(msgspec.Struct, frozen=True):
    """Who answers, and by which configuration."""

    generation: str
    worker: int
    """Its process id."""


class Control:
    """Asks whatever worker accepts the connection; each question on a connection of its own, or an old worker might."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def generation(self) -> Answer:
        """Which configuration serves.

        Raises:
            TemporaryError: nobody answers, or not one of ours.
        """
        text = await self.ask("/generation")
        found = _GENERATION.fullmatch(text)
        if found is None:
            raise TemporaryError(f"{self._socket} answers {shown(text)}")
        return Answer(found[1], int(found[2]))

    async def put(self, lines: Iterable[str]) -> None:
        """Put records in, or forget them: lines as :mod:`records` writes them.

        Raises:
            TemporaryError: some of them may not be in.
        """
        for body in _bodies(lines):
            await self.ask("/put", body)

    async def get(self, names: Iterable[str]) -> str:
        """The records of these pools, of those that are known.

        Raises:
            TemporaryError: nobody answers.
        """
        return "".join([await self.ask("/get", body) for body in _bodies(f"{name}\n" for name in names)])

    async def ask(self, path: str, body: str | None = None) -> str:
        """GET, or POST where there is a body; the answer's text.

        Raises:
            TemporaryError: nobody answers, or it refuses.
        """
        try:
            async with (
                asyncio.timeout(SECONDS),
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self._socket))) as session,
                session.request("GET" if body is None else "POST", f"http://nginx{path}", data=body) as answer,
            ):
                text = await _text_of(answer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TemporaryError(f"nginx does not answer: {error or type(error).__name__}") from error
        if answer.status != HTTPStatus.OK:
            raise TemporaryError(f"nginx refused {path}: {answer.status} {shown(text.strip())}")
        return text


async def _text_of(answer: aiohttp.ClientResponse) -> str:
    """An answer's text, as far as anybody of good will would go: it may come from a container."""
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > ANSWER_LIMIT:
            raise TemporaryError("nginx gives an answer beyond all measure")
    return body.decode(errors="replace")


def _bodies(lines: Iterable[str]) -> Iterable[str]:
    body: list[str] = []
    length = 0
    for line in lines:
        if body and length + len(line) > BODY_LENGTH:
            yield "".join(body)
            body, length = [], 0
        body.append(line)
        length += len(line)
    if body:
        yield "".join(body)
