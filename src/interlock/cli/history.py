"""`interlock history`: what was done, and why."""

from typing import Annotated

import typer

from interlock.cli.arguments import AsJson
from interlock.cli.daemon import daemon_of
from interlock.cli.receipts import print_json
from interlock.cli.revision_text import revision_table


def history(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100000, metavar="N", help="How many.")] = 20,
    json: AsJson = False,
) -> None:
    """Show what was done, and why: the last revisions.

    Each time that a proxy was brought to serve something else is a revision. ROUTES counts those that are new, changed
    and gone since the revision before; the cause is what an engine said or the operator ordered. Numbers go on over
    restarts. `interlock show N` tells all of one, `interlock diff N M` compares two.

    Exit codes: 0 done; 1 Interlock does not run.

    Example: interlock history -n 50
    """
    found = daemon_of(ctx.obj).revisions(limit)
    if json:
        print_json(found)
        return
    for line in revision_table(found.revisions):
        typer.echo(line)
