"""First questions to containers: is anybody listening? A server takes traffic once it has answered one."""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import aiohttp

from interlock.core.events import Probed
from interlock.core.model import ContainerKey
from interlock.core.problems import shown
from interlock.core.routes import Probe
from interlock.host.tasks import Tasks

CONNECT_SECONDS = 1.0
WARM_SECONDS = 30.0
"""A first request may well compile, migrate or fill a cache."""
FIRST_PAUSE, LONGEST_PAUSE = 0.002, 1.0
"""Seconds between two tries; a container starts to listen some milliseconds after its start event."""
LATENESS = 0.25
"""Between these bounds, the pause as a part of what was waited so far; so much later at most is an answer noticed."""
SILENT_SECONDS = 10.0
"""After this long without an answer the operator is told."""
AT_ONCE = 128


class Probes(Protocol):
    """Asks containers whether they serve."""

    def __init__(self, answered: Callable[[Probed], None], silent: Callable[[Probe, str], None]) -> None: ...

    def want(self, probes: Iterable[Probe], *, after: float = 0.0) -> None: ...

    def only(self, key: ContainerKey, wanted: Iterable[Probe]) -> None: ...

    def silence_of(self, key: ContainerKey) -> Mapping[str, str]: ...

    async def stop(self) -> None: ...


class Prober:
    """Asks until each has answered, or nobody wants to know any more."""

    def __init__(self, answered: Callable[[Probed], None], silent: Callable[[Probe, str], None]) -> None:
        self._answered = answered
        self._silent = silent
        self._tasks = Tasks("probe")
        self._under_way: dict[Probe, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._why: dict[Probe, str] = {}
        """What came of the last try of those under way."""

    def want(self, probes: Iterable[Probe], *, after: float = 0.0) -> None:
        """Start the ones that are not under way, after so many seconds.

        One whose server listens already is answered at once, where there is nothing to wait for.
        """
        for probe in probes:
            if probe in self._under_way:
                continue
            if not after and not probe.warm and _answers_at_once(probe):
                self._answered(Probed(probe.key, probe.endpoint, probe.started_at))
            else:
                self._under_way[probe] = self._tasks.start(probe.name, self._ask(probe, after))

    def only(self, key: ContainerKey, wanted: Iterable[Probe]) -> None:
        """Give up what is asked of a container beyond these."""
        kept = set(wanted)
        for probe in [p for p in self._under_way if p.key == key and p not in kept]:
            self._under_way.pop(probe).cancel()
            self._why.pop(probe, None)

    def silence_of(self, key: ContainerKey) -> dict[str, str]:
        """Endpoints of a container that are being asked -> why the last try had no answer."""
        return {probe.endpoint: why for probe, why in self._why.items() if probe.key == key}

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _ask(self, probe: Probe, after: float) -> None:
        await asyncio.sleep(after)
        since, told = time.monotonic(), False
        while why := await self._try(probe):
            self._why[probe] = why
            waited = time.monotonic() - since
            if not told and waited > SILENT_SECONDS:
                told = True
                self._silent(probe, why)
            await asyncio.sleep(pause_after(waited))
        self._under_way.pop(probe, None)
        self._why.pop(probe, None)
        self._answered(Probed(probe.key, probe.endpoint, probe.started_at))

    async def _try(self, probe: Probe) -> str:
        """Why there was no answer; "" if there was one."""
        async with self._turns:
            return await (_warm_up(probe) if probe.warm else _connect(probe))


def pause_after(waited: float) -> float:
    """Seconds until the next try of one that has been asked for so many."""
    return min(max(waited * LATENESS, FIRST_PAUSE), LONGEST_PAUSE)


async def _connect(probe: Probe) -> str:
    try:
        with _connecting(probe) as (connection, begun):
            error = begun
            if begun == errno.EINPROGRESS:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await _writable(connection)
                error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except TimeoutError:
        return "no answer"
    except OSError as failure:
        return failure.strerror or type(failure).__name__
    return os.strerror(error) if error else ""


def _answers_at_once(probe: Probe) -> bool:
    """Whether a connection opens without any wait, as it does on this host; what it costs is 30 microseconds."""
    try:
        with _connecting(probe) as (_, error):
            return not error
    except OSError:
        return False


@contextlib.contextmanager
def _connecting(probe: Probe) -> Iterator[tuple[socket.socket, int]]:
    """A connection that was begun, and 0 once it is open, EINPROGRESS while it is not, else what went wrong.

    A bare socket: a transport with its streams costs ten times as much, and nothing is to be said.
    """
    family = socket.AF_INET6 if ":" in probe.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
        target = (probe.address, probe.port)
        error = connection.connect_ex(target)
        if error == errno.EINPROGRESS:  # on one host it is open by now
            again = connection.connect_ex(target)
            error = {errno.EISCONN: 0, errno.EALREADY: errno.EINPROGRESS}.get(again, again)
        yield connection, error


async def _writable(connection: socket.socket) -> None:
    """Until a connection that was begun is open, or has failed."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(connection, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(connection)


async def _warm_up(probe: Probe) -> str:
    """Any complete answer will do, as for the original: the request is there to be made, not to be judged."""
    url = f"{'https' if probe.tls else 'http'}://{probe.endpoint}{probe.warm}"
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WARM_SECONDS)) as session,
            session.get(url, headers={"Host": probe.host}, allow_redirects=False, ssl=unverified) as answer,
        ):
            async for _ in answer.content.iter_chunked(65536):
                pass
    except TimeoutError:
        return "no answer to the warm-up request"
    except (aiohttp.ClientError, OSError) as error:
        return shown(str(error) or type(error).__name__)
    return ""
