"""The agent as a process: its sockets, its engine, and its end by a signal."""

import asyncio
import signal
from pathlib import Path

import msgspec
import structlog
import uvloop

from interlock.agent.doorstep import Doorstep
from interlock.agent.refusals import Refusals
from interlock.agent.trust import Trust, TrustFiles
from interlock.agent.upstream import Upstream
from interlock.agent.window import Window
from interlock.core.problems import InterlockError, PermanentError
from interlock.engines.address import EngineAddress
from interlock.host import memory
from interlock.host.listening import Listener, listen_on
from interlock.host.tasks import Tasks
from interlock.version import __version__

log = structlog.get_logger()


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent is told."""

    engine: EngineAddress
    listen: str = ""
    """``HOST:PORT`` or ``:PORT`` for TLS; "" for none."""
    tls: TrustFiles
    """For `listen`: over TCP nobody is let in without a certificate."""
    socket: str = ""
    """File of a unix socket of mode 600; "" for none."""


def run(*, engine: str, listen: str, socket: str, tls_files: tuple[str, str, str]) -> int:
    """Run the agent; its exit code: 0 after a signal, 1 when something only the operator can mend is in the way.

    Raises PermanentError for an address of the engine that is none.
    """
    address = EngineAddress.parse(engine)
    settings = AgentSettings(engine=address, listen=listen, tls=TrustFiles(*tls_files), socket=socket)
    memory.few_arenas()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_serve(settings))
        except InterlockError as error:
            log.error(f"interlock agent ends: {error}")
            return 1
    return 0


async def _serve(settings: AgentSettings) -> None:
    """Raises PermanentError for what cannot be listened on, or TLS files that cannot be used."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = Tasks("agent")
    refusals = Refusals(asyncio.get_running_loop().time)
    failures: list[BaseException] = []

    def failed(error: BaseException) -> None:
        failures.append(error)
        stop.set()

    async with Upstream.open(settings.engine) as upstream:
        answer = Window(upstream, refusals).answer
        unix = Listener(Path(settings.socket)) if settings.socket else None
        try:
            if unix is not None:
                tasks.start("unix", Doorstep(unix.socket, answer, refusals).accept(), on_failure=failed)
            if settings.listen:
                trust = Trust(settings.tls)
                listener = listen_on(settings.listen, setting="--listen")
                tasks.start("watch", trust.watch(), on_failure=failed)
                door = Doorstep(listener, answer, refusals, tls=trust.context)
                tasks.start("tls", door.accept(), on_failure=failed)
            where = " and ".join(filter(None, (settings.listen, settings.socket)))
            log.info(f"interlock agent running version={__version__}", engine=settings.engine.endpoint, listens=where)
            await stop.wait()
            log.info("shutting down")
        finally:
            await tasks.stop()
            if unix is not None:
                unix.close()
    if failures:
        raise PermanentError.of(failures[0])
