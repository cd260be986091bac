"""`interlock rollout`: new containers for a Compose service, without losing a request."""

import asyncio
import os
from collections.abc import Callable
from typing import Annotated

import msgspec
import typer

from interlock.cli.arguments import AsJson
from interlock.cli.complaints import complain
from interlock.cli.completing import offer_services
from interlock.cli.daemon import Daemon, daemon_of
from interlock.cli.durations import seconds_of
from interlock.cli.known_plugins import known_plugins
from interlock.cli.receipts import requests
from interlock.core.problems import shown
from interlock.core.status import ContainerStatus
from interlock.engines.address import EngineAddress
from interlock.rollout.client import DeployClient
from interlock.rollout.events import Event, NeverReadyError, RefusedError, Step
from interlock.rollout.rollout import Wanted, roll_out
from interlock.settings import Flags, SettingsError, load_settings
from interlock.survey import address_of

NEVER_READY = 4
"""Exit code where a new container did not get ready, and is gone again."""
MOST_SURGE = 100

LINES = {
    Step.CREATED: "{e.container}: created, to replace {e.replaces}",
    Step.STARTED: "{e.container}: started",
    Step.READY: "{e.container}: in rotation",
    Step.DRAINING: "{e.container}: out of rotation, {requests} under way",
    Step.IMPATIENT: "{e.container}: {requests} under way when the time is up; stopping it all the same",
    Step.STOPPED: "{e.container}: stopped",
    Step.REMOVED: "{e.container}: removed",
    Step.RENAMED: "{e.container}: {e.reason}",
    Step.FAILED: "{e.container}: given up",
    Step.RESTORED: "{e.container}: back in rotation",
    Step.LEFT_DRAINED: "{e.container}: still drained ({e.reason}); fix: interlock undrain {e.container}",
    Step.DONE: "{e.container}: done",
}
"""Event -> line for people; the names in it are made printable."""


def rollout(
    ctx: typer.Context,
    *,
    service: Annotated[
        str,
        typer.Argument(metavar="SERVICE", help="A service of a Compose project.", autocompletion=offer_services),
    ],
    project: Annotated[
        str, typer.Option("--project", "-P", metavar="PROJECT", help="Its project, where several have such a service.")
    ] = "",
    image: Annotated[
        str, typer.Option("--image", metavar="IMAGE", help="Another image; else the same name, newly looked up.")
    ] = "",
    max_surge: Annotated[
        int, typer.Option("--max-surge", metavar="N", min=1, max=MOST_SURGE, help="How many at a time.")
    ] = 1,
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout", metavar="DURATION", help="For a new one to get ready, and again for an old one's requests."
        ),
    ] = "60s",
    json: AsJson = False,
) -> int:
    """Replace the containers of a Compose service without losing a request.

    For each running container: a new one like it is started, of the image that its name stands for now; once every
    proxy sends it requests, the old one gets no new ones; when those under way have ended (or --timeout is over), it is
    stopped and removed. A new one that does not get ready is removed, and the old ones serve on.

    Labels, networks, volumes and limits are those of the old container; the number in its name is the next free one.
    A fixed host port cannot be had twice, so such a service is refused. Ctrl-C ends it in good order: a new container
    that serves already stays, one that does not is removed, an old one that was draining serves on.

    Exit codes: 0 all are replaced; 1 the engine or Interlock does not answer; 2 there is no such service, or it cannot
    be replaced so; 4 a new container did not get ready, and its last lines are shown; 130 Ctrl-C. --json prints one
    event a line.

    Example: docker compose build web && interlock rollout web
    """
    wanted = Wanted(
        service=service, project=project, image=image, surge=max_surge, timeout=seconds_of("--timeout", timeout)
    )
    daemon = daemon_of(ctx.obj)
    daemon.status()  # an Interlock that does not run should be told of before the engine is asked
    address = _engine(ctx.obj)
    try:
        asyncio.run(_roll_out(address, daemon, wanted, _as_json if json else _as_line))
    except RefusedError as error:
        raise SettingsError(error.what, fix=error.fix) from None
    except NeverReadyError as error:
        if not json:
            complain(error)
            for line in error.log:
                typer.echo(f"  | {line}", err=True)
        return NEVER_READY
    return 0


async def _roll_out(address: EngineAddress, daemon: Daemon, wanted: Wanted, tell: Callable[[Event], None]) -> None:
    async with DeployClient.connect(address) as client:
        await roll_out(client, _OverSocket(daemon), wanted, tell)


class _OverSocket:
    """The running Interlock, as a rollout needs it; its calls block, so they are made aside."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    async def look(self, container: str) -> ContainerStatus | None:
        try:
            (found,) = await asyncio.to_thread(self._daemon.containers, container)
        except SettingsError:  # it knows nobody of that id
            return None
        return found

    async def drain(self, container: str) -> None:
        await asyncio.to_thread(self._daemon.drain, container)

    async def undrain(self, container: str) -> None:
        await asyncio.to_thread(self._daemon.undrain, container)


def _engine(flags: Flags) -> EngineAddress:
    """The engine to deploy to: the one that Interlock watches. Raises SettingsError, PermanentError."""
    settings, *others = load_settings(flags, environ=os.environ, known=known_plugins()).engines
    if others:
        names = ", ".join(each.name for each in (settings, *others))
        raise SettingsError(f"Interlock watches several engines: {names}", fix="name the one to deploy to: --swarm-url")
    return address_of(settings)


def _as_json(event: Event) -> None:
    typer.echo(msgspec.json.encode(event).decode())


def _as_line(event: Event) -> None:
    safe = msgspec.structs.replace(
        event, container=shown(event.container), replaces=shown(event.replaces), reason=shown(event.reason, length=500)
    )
    typer.echo(LINES[event.event].format(e=safe, requests=requests(event.sessions)))
