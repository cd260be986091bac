"""`interlock rollback` and `interlock unpin`: the routes of a revision, and those of now."""

import typer

from interlock.cli.arguments import AsJson, Number, Until
from interlock.cli.daemon import daemon_of
from interlock.cli.durations import moment_of
from interlock.cli.receipts import counted, tell


def rollback(ctx: typer.Context, *, number: Number, until: Until = "", json: AsJson = False) -> None:
    """Serve the routes of a revision until `unpin`.

    Routes and options are those of then. A route is served by the containers of then, while one of them takes traffic,
    and otherwise by whoever asks for it now; containers that are gone are not brought back, and what is missing is
    told. New routes wait. Drains, weights and maintenance stay as they are ordered now.

    Exit codes: 0 the order is in force; 1 Interlock does not run or its proxy does not answer; 2 no revision of that
    number is kept.

    Example: interlock rollback 41 --for 2h
    """
    receipt = daemon_of(ctx.obj).rollback(number, moment_of("--for", until))
    tell(receipt, [f"pinned to revision {number}: {counted(len(receipt.routes), 'route')} changed"], json=json)


def unpin(ctx: typer.Context, *, json: AsJson = False) -> None:
    """Serve what the containers ask for, no longer a revision.

    Exit codes: 0 the order is in force; 1 Interlock does not run or its proxy does not answer; 2 nothing is pinned.

    Example: interlock unpin
    """
    receipt = daemon_of(ctx.obj).unpin()
    tell(receipt, [f"no longer pinned: {counted(len(receipt.routes), 'route')} changed"], json=json)
