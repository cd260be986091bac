"""`interlock drain`: a container out of rotation, before it is stopped."""

import sys
import time
from collections.abc import Callable
from typing import Annotated

import msgspec
import typer

from interlock.cli.arguments import AsJson, Who
from interlock.cli.daemon import Daemon, daemon_of
from interlock.cli.durations import seconds_of
from interlock.cli.receipts import names, requests, tell
from interlock.core.status import ContainerStatus, Receipt
from interlock.settings import SettingsError

STILL_BUSY = 3
"""Exit code where requests are left when the time is up."""
POLL_SECONDS = 0.1
CALM = 2
"""Looks in a row without a request under way, so that one between two connections is not missed."""


def drain(
    ctx: typer.Context,
    *,
    container: Who,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until no request is under way to it.")] = False,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="DURATION", help="How long to wait, such as 30s or 5m.")
    ] = "30s",
    json: AsJson = False,
) -> int:
    """Take a container out of rotation until `undrain`.

    New requests go to the others, those under way finish. When the command ends, every proxy has confirmed it. The
    order holds as long as the container exists, also over restarts of it and of Interlock. A Compose service stands
    for those of its containers that run now.

    Exit codes: 0 it is out of rotation (with --wait: and no request is left); 1 Interlock does not run or its proxy
    does not answer; 2 nothing is called so; 3 requests are left after --timeout, and it stays drained.

    Example: interlock drain web_1 --wait && docker stop web_1
    """
    seconds = seconds_of("--timeout", timeout)
    daemon = daemon_of(ctx.obj)
    receipt = daemon.drain(container)
    if wait:
        receipt = _awaited(daemon, receipt, seconds, _progress(json=json))
    left = sum(each.sessions for each in receipt.containers)
    tell(receipt, [f"{names(receipt.containers)}: out of rotation, {requests(left)} under way"], json=json)
    return STILL_BUSY if wait and left else 0


def _awaited(daemon: Daemon, receipt: Receipt, seconds: float, progress: Callable[[str], None]) -> Receipt:
    """The receipt as it is once nothing is under way, or the time is up."""
    deadline = time.monotonic() + seconds
    calm, told = 0, -1
    while True:
        containers = tuple(one for each in receipt.containers for one in _now(daemon, each))
        left = sum(each.sessions for each in containers)
        calm = 0 if left else calm + 1
        if calm == CALM or time.monotonic() >= deadline:
            return msgspec.structs.replace(receipt, containers=containers)
        if left != told:
            told = left
            progress(f"{names(containers)}: {requests(left)} under way")
        time.sleep(POLL_SECONDS)


def _now(daemon: Daemon, container: ContainerStatus) -> tuple[ContainerStatus, ...]:
    """The container as it is; nothing of one that was removed meanwhile."""
    try:
        return daemon.containers(container.id)
    except SettingsError:
        return ()


def _progress(*, json: bool) -> Callable[[str], None]:
    """Says how it goes to somebody at a terminal, and nothing to a program."""
    shows = sys.stderr.isatty() and not json
    return lambda line: typer.echo(line, err=True) if shows else None
