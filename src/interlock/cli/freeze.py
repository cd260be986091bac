"""`interlock freeze` and `interlock unfreeze`: no other routes for a while."""

import typer

from interlock.cli.arguments import AsJson, Until
from interlock.cli.daemon import daemon_of
from interlock.cli.durations import moment_of
from interlock.cli.receipts import counted, tell
from interlock.settings import SettingsError


def freeze(ctx: typer.Context, *, until: Until = "", json: AsJson = False) -> None:
    """Hold the routes and their options as they are, for a while.

    New routes wait, routes keep their options, and one whose containers are all gone stays and answers 503. Containers
    of known routes come and go as ever: replicas join, what stops leaves the rotation. So do orders: drain, weigh,
    maintenance and rollback. Given again, it only ends at another time.

    Exit codes: 0 the order is in force; 1 Interlock does not run or its proxy does not answer; 2 the end is wrong.

    Example: interlock freeze --for 2h
    """
    if not until:
        raise SettingsError("how long is not said", fix="write interlock freeze --for 2h")
    receipt = daemon_of(ctx.obj).freeze(moment_of("--for", until))
    tell(receipt, [f"frozen: {counted(len(receipt.routes), 'route')} changed"], json=json)


def unfreeze(ctx: typer.Context, *, json: AsJson = False) -> None:
    """Hold the routes no longer.

    Exit codes: 0 the order is in force; 1 Interlock does not run or its proxy does not answer; 2 nothing is frozen.

    Example: interlock unfreeze
    """
    receipt = daemon_of(ctx.obj).unfreeze()
    tell(receipt, [f"no longer frozen: {counted(len(receipt.routes), 'route')} changed"], json=json)
