"""HTTP calls to one engine. Only GET, each with a timeout and a bound on its answer.

Interlock itself asks for six paths; observer plugins may ask for others (`EngineClient.body`, `EngineClient.follow`).
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Self
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from interlock.core.problems import InterlockError, TemporaryError, shown
from interlock.engines.address import EngineAddress, Kind
from interlock.engines.documents import AT_A_STRETCH, Entry, Inspected, decode_entries, decode_inspected
from interlock.engines.failures import explained, refusal
from interlock.engines.notices import FILTERS
from interlock.engines.patience import Patience
from interlock.engines.pool import Pool
from interlock.engines.session import body_of, session_with
from interlock.version import __version__

NEWEST_API = (1, 56)
"""The newest API whose answers were seen (engine 29). A newer engine is asked for this one."""

SMALL_BODY = 16 << 20
LARGE_BODY = 512 << 20
"""Bytes of an answer: of one container, and of all of them."""

_OK = 200
_NOT_FOUND = 404
_BAD_REQUEST = 400
_SERVER_ERROR = 500

_AGENT = f"interlock/{__version__}"

_NO_YEAR = 1
"""Of Go's zero time, ``0001-01-01T00:00:00Z``."""
_VERSION_REFUSED = re.compile(rb"(?:Minimum|Maximum) supported API version is (\d+\.\d+)")


class Component(msgspec.Struct):
    """A part of what answers; the first is the engine."""

    Name: str = ""


class Version(msgspec.Struct):
    """``GET /version``."""

    Version: str = ""
    ApiVersion: str = ""
    MinAPIVersion: str = ""
    Components: list[Component] | None = None


class _Swarm(msgspec.Struct):
    ControlAvailable: bool = False


class Info(msgspec.Struct):
    """``GET /info``."""

    SystemStatus: list[tuple[str, str]] | None = None
    SystemTime: str = ""
    Swarm: _Swarm | None = None


class _Answer(msgspec.Struct):
    asked: str
    status: int
    body: bytes
    api: str
    """Header Api-Version, "" where there is none."""
    location: str

    def refusal(self) -> InterlockError:
        return refusal(self.status, self.asked, self.body, location=self.location)


class Stream:
    """An open answer."""

    def __init__(self, response: aiohttp.ClientResponse, address: EngineAddress, asked: str) -> None:
        self._response = response
        self._address = address
        self._asked = asked

    async def read(self) -> bytes:
        """The next bytes; none at the end. Has no timeout of its own, since silence is normal.

        Raises TemporaryError when the stream breaks off.
        """
        with explained(self._address, self._asked):
            return await self._response.content.readany()


class EventStream(Stream):
    """The open answer to ``/events``, which has no end."""

    async def read(self) -> bytes:
        """The next bytes. Raises TemporaryError when the stream ends, however it ends."""
        data = await super().read()
        if not data:
            raise TemporaryError("the engine ended the event stream")
        return data


class EngineClient:
    """Speaks with one engine in the version agreed on; make it with :meth:`connect`."""

    def __init__(
        self, session: aiohttp.ClientSession, pool: Pool | None, address: EngineAddress, patience: Patience
    ) -> None:
        self.description = ""
        """What answers, for people: ``Docker 20.10.24, API 1.41``."""
        self.is_swarm_manager = False
        """Whether it is a classic Swarm manager."""
        self._session = session
        self._pool = pool
        """For inspects; None where the engine is not reached over a unix socket."""
        self._address = address
        self._patience = patience
        self._api = ""

    @classmethod
    @asynccontextmanager
    async def connect(cls, address: EngineAddress, patience: Patience) -> AsyncIterator[Self]:
        """Agree on a version and speak it until the end of the block. Certificates are read anew.

        Raises TemporaryError or PermanentError.
        """
        async with session_with(address, agent=_AGENT, connect_seconds=patience.connect) as session:
            pool = Pool(address.path, host="docker", agent=_AGENT) if address.kind is Kind.UNIX else None
            client = cls(session, pool, address, patience)
            try:
                await client._negotiate()
                yield client
            finally:
                if pool is not None:
                    pool.close()

    async def ping(self) -> None:
        """Raise TemporaryError unless the engine shows a sign of life; even a refusal is one."""
        answer = await self._get("/_ping", seconds=self._patience.ping, versioned=False)
        if answer.status >= _SERVER_ERROR:
            raise answer.refusal()

    async def containers(self) -> list[Entry]:
        """Every container, running or not."""
        answer = await self._get("/containers/json", {"all": "1"}, seconds=self._patience.list, longest=LARGE_BODY)
        if answer.status != _OK:
            raise answer.refusal()
        entries: list[Entry] = []
        for entry in decode_entries(answer.body):
            entries.append(entry)
            if len(entries) % AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        return entries

    async def inspect(self, container: str) -> Inspected | None:
        """One container by its id; None when there is none (any more)."""
        answer = await self._inspected(f"/containers/{quote(container, safe='')}/json")
        if answer.status == _NOT_FOUND:
            return None
        if answer.status != _OK:
            raise answer.refusal()
        return decode_inspected(answer.body)

    async def swarm_nodes(self) -> list[str]:
        """Status of each node of a classic Swarm manager, as ``/info`` tells it: Healthy, Pending, and so on."""
        info = await self._info()
        return [value for key, value in info.SystemStatus or () if key.split()[-1:] == ["Status"]]

    async def manages_swarm(self) -> bool:
        """Whether it is a manager of Docker's swarm mode."""
        info = await self._info()
        return info.Swarm is not None and info.Swarm.ControlAvailable

    async def body(self, path: str) -> bytes:
        """What is answered to a path (query included) of somebody else's choice, with 200."""
        answer = await self._get(path, seconds=self._patience.answer)
        if answer.status != _OK:
            raise answer.refusal()
        return answer.body

    @asynccontextmanager
    async def follow(self, path: str) -> AsyncIterator[Stream]:
        """An endless answer to such a path, until the end of the block."""
        async with self._held(path, None) as response:
            yield Stream(response, self._address, f"GET {path}")

    async def system_time(self) -> datetime | None:
        """What the engine's clock says; None where it does not tell (classic Swarm)."""
        info = await self._info()
        try:
            told = datetime.fromisoformat(info.SystemTime)
        except ValueError:
            return None
        return told if told.tzinfo is not None and told.year > _NO_YEAR else None

    @asynccontextmanager
    async def events(self) -> AsyncIterator[EventStream]:
        """Subscribe to events until the end of the block. Who ignores the filter (classic Swarm) sends everything."""
        params = {"filters": json.dumps(dict(FILTERS), separators=(",", ":"))}
        async with self._held("/events", params) as response:
            yield EventStream(response, self._address, "GET /events")

    @asynccontextmanager
    async def _held(self, path: str, params: Mapping[str, str] | None) -> AsyncIterator[aiohttp.ClientResponse]:
        asked = f"GET {path}"
        with explained(self._address, asked):
            async with asyncio.timeout(self._patience.answer):
                response = await self._opened(path, params)
                if response.status != _OK:
                    answer = await self._read(response, asked, SMALL_BODY)
                    raise answer.refusal()
        try:
            yield response
        finally:
            response.close()

    async def _negotiate(self) -> None:
        """Agree on the newest version that both know, never one older than the engine still speaks."""
        ping = await self._get("/_ping", seconds=self._patience.answer, versioned=False)
        answer = await self._get("/version", seconds=self._patience.answer, versioned=False)
        version = Version()
        if answer.status == _OK:
            with explained(self._address, answer.asked):
                version = msgspec.json.decode(answer.body, type=Version)
        theirs = _api_version(ping.api) or _api_version(version.ApiVersion)
        if theirs is None:
            raise (answer if answer.status != _OK else ping).refusal()
        oldest = _api_version(version.MinAPIVersion) or theirs
        agreed = max(min(theirs, NEWEST_API), min(oldest, theirs))
        self._api = f"{agreed[0]}.{agreed[1]}"
        self.is_swarm_manager = version.Version.startswith("swarm/")
        self.description = f"{_product(version)}, API {self._api}"

    async def _info(self) -> Info:
        answer = await self._get("/info", seconds=self._patience.answer)
        if answer.status != _OK:
            raise answer.refusal()
        with explained(self._address, answer.asked):
            return msgspec.json.decode(answer.body, type=Info)

    async def _inspected(self, path: str) -> _Answer:
        """By the pool where there is one; what that could not answer is asked once more, by aiohttp."""
        asked, seconds = f"GET {path}", self._patience.answer
        with explained(self._address, asked):
            async with asyncio.timeout(seconds):
                found = await self._pool.get(f"/v{self._api}{path}", longest=SMALL_BODY) if self._pool else None
        if found is None or found.status == _BAD_REQUEST:  # another version may be asked for
            return await self._get(path, seconds=seconds)
        return _Answer(asked=asked, status=found.status, body=found.body, api=self._api, location=found.location)

    async def _get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        seconds: float,
        longest: int = SMALL_BODY,
        versioned: bool = True,
    ) -> _Answer:
        asked = f"GET {path}"
        with explained(self._address, asked):
            async with asyncio.timeout(seconds):
                response = await self._opened(path, params, versioned=versioned)
                return await self._read(response, asked, longest)

    async def _opened(
        self, path: str, params: Mapping[str, str] | None, *, versioned: bool = True
    ) -> aiohttp.ClientResponse:
        """Send a request and wait for the head of its answer; once more if the engine asks for another version."""
        response = await self._request(path, params, versioned=versioned)
        if response.status != _BAD_REQUEST or not versioned:
            return response
        answer = await self._read(response, f"GET {path}", SMALL_BODY)
        wanted = _VERSION_REFUSED.search(answer.body)
        if wanted is None:
            raise answer.refusal()
        self._api = wanted[1].decode()
        return await self._request(path, params, versioned=True)

    async def _request(self, path: str, params: Mapping[str, str] | None, *, versioned: bool) -> aiohttp.ClientResponse:
        prefix = f"/v{self._api}" if versioned else ""
        url = URL(f"{self._address.base_url}{prefix}{path}", encoded=True)
        name = self._address.server_name or None
        return await self._session.get(url, params=params, allow_redirects=False, server_hostname=name)

    async def _read(self, response: aiohttp.ClientResponse, asked: str, longest: int) -> _Answer:
        async with response:
            body = await body_of(response, asked=asked, longest=longest)
        headers = response.headers
        return _Answer(
            asked=asked,
            status=response.status,
            body=body,
            api=headers.get("Api-Version", ""),
            location=headers.get("Location", ""),
        )


def _api_version(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d{1,4})\.(\d{1,4})", text)
    return (int(match[1]), int(match[2])) if match else None


def _product(version: Version) -> str:
    if version.Version.startswith("swarm/"):
        return shown(f"classic Swarm {version.Version.removeprefix('swarm/')}")
    name = next((component.Name for component in version.Components or ()), "")
    return shown(f"{'Podman' if name.startswith('Podman') else 'Docker'} {version.Version or 'of unknown version'}")
