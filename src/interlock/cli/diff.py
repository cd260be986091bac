"""`interlock diff`: two revisions compared."""

from typing import Annotated

import typer

from interlock.cli.arguments import AsJson, Number
from interlock.cli.daemon import daemon_of
from interlock.cli.receipts import print_json
from interlock.cli.revision_text import change_lines


def diff(
    ctx: typer.Context,
    *,
    number: Number,
    other: Annotated[int, typer.Argument(metavar="M", min=1, help="The revision that it became.")],
    json: AsJson = False,
) -> None:
    """Show which routes are otherwise at one revision than at another.

    Routes that M has and N has not are marked +, those that it has no more -, those that differ ~.

    Exit codes: 0 done, whether they differ or not; 1 Interlock does not run; 2 one of them is not kept.

    Example: interlock diff 41 42
    """
    found = daemon_of(ctx.obj).difference(number, other)
    if json:
        print_json(found)
        return
    for line in change_lines(found.changes) if found.changes else ["no difference"]:
        typer.echo(line)
