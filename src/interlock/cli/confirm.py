"""`interlock confirm`: a list that is held, believed."""

import typer

from interlock.cli.arguments import AsJson
from interlock.cli.daemon import daemon_of
from interlock.cli.receipts import tell


def confirm(ctx: typer.Context, *, json: AsJson = False) -> None:
    """Believe a list that lost most of what ran, at once.

    An engine that lists less than half of what ran is suspect, after an outage most of all: nothing is taken out of
    the proxies before a second list says the same, HoldRemovals seconds later. This asks for that second list now.

    Exit codes: 0 the second list is in force; 1 Interlock does not run, or the engine does not answer; 2 no list is
    held.

    Example: interlock confirm
    """
    receipt = daemon_of(ctx.obj).confirm()
    tell(receipt, [f"engine {name}: its list is believed" for name in receipt.engines], json=json)
