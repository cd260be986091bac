"""Calls that do something on an engine. No other module makes any.

They are there for typed commands (a rollout), and for proxies in containers that the operator has labelled for it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from interlock.core.problems import InterlockError, PermanentError, TemporaryError, shown
from interlock.engines.address import EngineAddress
from interlock.engines.client import NEWEST_API
from interlock.engines.failures import explained
from interlock.engines.session import body_of, session_with
from interlock.host.process import Ended
from interlock.rollout.documents import Created, Image, Inspected, Json, Listed
from interlock.version import __version__

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
START_SECONDS = 120.0
"""For a creation or a start: volumes may have to be copied, networks to be plugged."""
STOP_MARGIN = 30.0
"""Seconds beyond a container's own stop timeout."""
LONGEST_ANSWER = 64 << 20
"""Bytes."""
LOG_LINES = 20
LOOKS, LOOK_PAUSE = 50, 0.1
"""How often the exit code of a program that has closed its output is asked for, and seconds between two looks."""

_FRAME_HEAD = 8
"""Bytes before each piece of a log without a terminal: stream, three zeros, length (docs: "Attach to a container")."""
_GONE = 404
_CONFLICT = 409
_GOOD = frozenset({200, 201, 204, 304})
"""304: it was started or stopped already."""
_FIXES = MappingProxyType(
    {
        401: "give the client certificate that lets you in",
        403: "let the socket proxy (or authorization plugin) allow POST and DELETE of /containers, /networks and /exec",
        405: "let the socket proxy allow POST and DELETE of /containers, /networks and /exec",
    }
)

T = TypeVar("T")


class DeployClient:
    """Speaks with one engine; make it with :meth:`connect`.

    Every call raises TemporaryError or PermanentError with the engine's own words.
    """

    def __init__(self, session: aiohttp.ClientSession, address: EngineAddress) -> None:
        self._session = session
        self._address = address
        self._prefix = ""

    @classmethod
    @asynccontextmanager
    async def connect(cls, address: EngineAddress) -> AsyncIterator[Self]:
        """Agree on a version, and speak until the end of the block."""
        agent = f"interlock/{__version__}"
        async with session_with(address, agent=agent, connect_seconds=CONNECT_SECONDS) as session:
            client = cls(session, address)
            version = await client._ask("GET", "/version", _Version)
            client._prefix = f"/v{_agreed(version.ApiVersion)}"
            yield client

    async def containers(self) -> list[Listed]:
        """Every container, running or not."""
        return await self._ask("GET", "/containers/json", list[Listed], {"all": "1"})

    async def inspect(self, container: str) -> Inspected | None:
        """None for one that is not there (any more)."""
        return await self._look(f"/containers/{quote(container, safe='')}/json", Inspected)

    async def image(self, reference: str) -> Image | None:
        """None for one that is not there."""
        return await self._look(f"/images/{quote(reference, safe='/:@')}/json", Image)

    async def create(self, name: str, body: Json) -> str:
        """The new container's id."""
        created = await self._ask(
            "POST", "/containers/create", Created, {"name": name}, body=body, seconds=START_SECONDS
        )
        return created.Id

    async def attach(self, network: str, container: str, endpoint: Json) -> None:
        body = {"Container": container, "EndpointConfig": endpoint}
        await self._do("POST", f"/networks/{quote(network, safe='')}/connect", body=body)

    async def start(self, container: str) -> None:
        await self._do("POST", f"/containers/{container}/start", seconds=START_SECONDS)

    async def stop(self, container: str, *, stop_timeout: float) -> None:
        """Stop it as its own settings say, within `stop_timeout` seconds. One that is gone is none the worse."""
        seconds = stop_timeout + STOP_MARGIN
        await self._do("POST", f"/containers/{container}/stop", seconds=seconds, may_be_gone=True)

    async def remove(self, container: str) -> None:
        """Remove it, running or not, but none of its volumes. One that is gone or going is none the worse."""
        asked = f"/containers/{container}"
        status, answer = await self._call("DELETE", asked, {"force": "1"})
        if status not in {*_GOOD, _GONE} and not (status == _CONFLICT and b"already in progress" in answer):
            raise _refusal(f"DELETE {asked}", status, answer)

    async def rename(self, container: str, name: str) -> None:
        await self._do("POST", f"/containers/{container}/rename", {"name": name})

    async def execute(self, container: str, argv: Sequence[str], *, seconds: float) -> Ended:
        """Run a program in a container to its end, as the container's user. One that takes longer runs on."""
        body = {"Cmd": list(argv), "AttachStdout": True, "AttachStderr": True}
        made = await self._ask("POST", f"/containers/{container}/exec", Created, body=body)
        path = f"/exec/{made.Id}"
        status, output = await self._call(
            "POST", f"{path}/start", body={"Detach": False, "Tty": False}, seconds=seconds
        )
        if status not in _GOOD:
            raise _refusal(f"POST {path}/start", status, output)
        return Ended(await self._exit_code(path), _unframed(output))

    async def _exit_code(self, path: str) -> int:
        """An engine may tell it a moment after the last of the output."""
        for _ in range(LOOKS):
            executed = await self._ask("GET", f"{path}/json", _Executed)
            if executed.ExitCode is not None:
                return executed.ExitCode
            await asyncio.sleep(LOOK_PAUSE)
        raise TemporaryError(f"GET {path}/json: it tells no exit code", fix="see whether the program still runs there")

    async def last_lines(self, container: str) -> list[str]:
        """The last lines that it wrote, made printable."""
        wanted = {"stdout": "1", "stderr": "1", "tail": str(LOG_LINES)}
        status, body = await self._call("GET", f"/containers/{container}/logs", wanted)
        text = _unframed(body) if status in _GOOD else ""
        return [shown(line, length=500) for line in text.splitlines()[-LOG_LINES:]]

    async def _look(self, path: str, type_: type[T]) -> T | None:
        status, body = await self._call("GET", path)
        if status == _GONE:
            return None
        return self._decoded(f"GET {path}", status, body, type_)

    async def _ask(
        self,
        method: str,
        path: str,
        type_: type[T],
        params: Mapping[str, str] | None = None,
        *,
        body: Json | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> T:
        status, answer = await self._call(method, path, params, body=body, seconds=seconds)
        return self._decoded(f"{method} {path}", status, answer, type_)

    async def _do(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: Json | None = None,
        seconds: float = ANSWER_SECONDS,
        may_be_gone: bool = False,
    ) -> None:
        status, answer = await self._call(method, path, params, body=body, seconds=seconds)
        if status not in _GOOD and not (status == _GONE and may_be_gone):
            raise _refusal(f"{method} {path}", status, answer)

    def _decoded(self, asked: str, status: int, body: bytes, type_: type[T]) -> T:
        if status not in _GOOD:
            raise _refusal(asked, status, body)
        with explained(self._address, asked):
            return msgspec.json.decode(body, type=type_)

    async def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: Json | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> tuple[int, bytes]:
        url = URL(f"{self._address.base_url}{self._prefix}{path}", encoded=True)
        content: dict[str, Any] = {}
        if body is not None:
            content = {"data": msgspec.json.encode(body), "headers": {"Content-Type": "application/json"}}
        asked = f"{method} {path}"
        with explained(self._address, asked):
            async with (
                asyncio.timeout(seconds),
                self._session.request(method, url, params=params, allow_redirects=False, **content) as response,
            ):
                return response.status, await body_of(response, asked=asked, longest=LONGEST_ANSWER)


class _Version(msgspec.Struct):
    ApiVersion: str = ""


class _Executed(msgspec.Struct):
    ExitCode: int | None = None


class _Message(msgspec.Struct):
    message: str


def _agreed(theirs: str) -> str:
    major, _, minor = theirs.partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise PermanentError(
            f"the engine says that its API is version {shown(theirs)}", fix="check that this is a Docker engine"
        )
    agreed = min((int(major), int(minor)), NEWEST_API)
    return f"{agreed[0]}.{agreed[1]}"


def _refusal(asked: str, status: int, body: bytes) -> InterlockError:
    try:
        said = msgspec.json.decode(body, type=_Message).message
    except msgspec.DecodeError:
        said = body.decode("utf-8", "replace")
    what = f"the engine answers {status} to {asked}: {shown(said.strip(), length=500)}"
    if status in _FIXES:
        return PermanentError(what, fix=_FIXES[status])
    return TemporaryError(what)


def _unframed(log: bytes) -> str:
    """A log's text. Without a terminal it comes in frames, with one as it is."""
    pieces = []
    rest = log
    while len(rest) >= _FRAME_HEAD and rest[0] in {0, 1, 2} and rest[1:4] == b"\0\0\0":
        length = int.from_bytes(rest[4:_FRAME_HEAD], "big")
        pieces.append(rest[_FRAME_HEAD : _FRAME_HEAD + length])
        rest = rest[_FRAME_HEAD + length :]
    return b"".join([*pieces, rest]).decode("utf-8", "replace")
