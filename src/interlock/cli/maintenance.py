"""`interlock maintenance`: a host closed with a message, and opened again."""

import enum
from typing import Annotated

import typer

from interlock.cli.arguments import AsJson
from interlock.cli.completing import offer_hosts
from interlock.cli.daemon import daemon_of
from interlock.cli.durations import moment_of
from interlock.cli.receipts import tell
from interlock.core.overrides import DEFAULT_MESSAGE
from interlock.core.problems import shown
from interlock.settings import SettingsError


class Switch(enum.StrEnum):
    """What to do with the host."""

    ON = "on"
    OFF = "off"


def maintenance(
    ctx: typer.Context,
    *,
    switch: Annotated[Switch, typer.Argument(metavar="on|off", help="Close the host, or open it again.")],
    host: Annotated[
        str,
        typer.Argument(
            metavar="HOST",
            help="As in a route: www.example.com, or *.example.com.",
            autocompletion=offer_hosts,
        ),
    ],
    message: Annotated[
        str,
        typer.Option("--message", metavar="TEXT", help=f"One line for the visitors instead of: {DEFAULT_MESSAGE}"),
    ] = "",
    until: Annotated[
        str,
        typer.Option("--until", metavar="TIME", help="When it ends by itself: 2h, or 2026-11-24T18:00:00+01:00."),
    ] = "",
    json: AsJson = False,
) -> None:
    """Close a host with a message, or open it again.

    Every request for the host, whatever its path, is answered 503 with the message as plain text and Retry-After.
    Requests under way finish, no reload is needed. It holds until it is switched off (or its time has come), also over
    restarts, and while the containers are replaced or gone. A wildcard closes what it serves itself; hosts with routes
    of their own stay open.

    Exit codes: 0 the order is in force; 1 Interlock does not run or its proxy does not answer; 2 the order is wrong.

    Example: interlock maintenance on www.example.com --message "Back at noon" --until 2h
    """
    if switch is Switch.OFF and (message or until):
        raise SettingsError("--message and --until belong to `interlock maintenance on`", fix="leave them out")
    daemon = daemon_of(ctx.obj)
    if switch is Switch.ON:
        receipt, what = daemon.close(host, message, moment_of("--until", until)), "closed"
    else:
        receipt, what = daemon.reopen(host), "open again"
    tell(receipt, [f"{shown(route)}: {what}" for route in receipt.routes] or [f"{shown(host)}: {what}"], json=json)
