"""`interlock trace`: what becomes of a request for a URL."""

from collections.abc import Iterator
from typing import Annotated

import typer

from interlock.cli.arguments import AsJson, OfFile
from interlock.cli.columns import columns
from interlock.cli.daemon import daemon_of
from interlock.cli.on_paper import routes_on_paper
from interlock.cli.paragraphs import paragraph
from interlock.cli.receipts import print_json
from interlock.cli.route_table import state_text
from interlock.core.problems import PermanentError
from interlock.core.trace import Outcome, Trace
from interlock.core.trace import trace as trace_url
from interlock.settings import SettingsError

NOT_SERVED = 3
"""Exit code where no server would answer."""


def trace(
    ctx: typer.Context,
    *,
    url: Annotated[str, typer.Argument(metavar="URL", help="http:// may be left out: www.example.com/app.")],
    file: OfFile = "",
    json: AsJson = False,
) -> int:
    """Show what becomes of a request for a URL.

    Which route takes it, which servers may answer it with what part of the requests, and which other routes are near
    and why they lose. No request is made. With --file nobody is asked: it is traced as if all of the file ran, or as at
    the end of a recording.

    Exit codes: 0 a server or a redirect answers it; 1 Interlock does not run; 2 it is no URL; 3 it is answered 404 or
    503.

    Example: interlock trace http://www.example.com/app
    """
    found = _of_file(file, url) if file else daemon_of(ctx.obj).trace(url)
    if json:
        print_json(found)
    else:
        for line in _lines(found):
            typer.echo(line)
    return 0 if found.outcome in {Outcome.SERVED, Outcome.REDIRECTED} else NOT_SERVED


def _of_file(file: str, url: str) -> Trace:
    """Raises SettingsError."""
    routes, problems = routes_on_paper(file)
    for problem in problems:
        typer.echo(f"warning: {problem.key}: {problem.what}; fix: {problem.fix}", err=True)
    try:
        return trace_url(url, routes.table, ())
    except PermanentError as error:
        raise SettingsError(error.what, fix=error.fix) from error


def _lines(found: Trace) -> Iterator[str]:
    yield from paragraph(f"{found.url}: {found.what}", at=0)
    if found.fix:
        yield from paragraph(f"fix: {found.fix}", at=2)
    if found.route:
        yield f"route: {found.route}"
    if found.servers:
        rows = [("SERVER", "ADDRESS", "WEIGHT", "SHARE", "STATE", "IN ROTATION")]
        rows += [
            (
                each.name,
                each.address,
                str(each.weight),
                f"{each.share:.0%}",
                state_text(each.state, waits=each.waits),
                "yes" if each.in_rotation else "no",
            )
            for each in found.servers
        ]
        yield from columns(rows)
    for remark in found.remarks:
        yield from paragraph(f"but: {remark}", at=0)
    if found.losers:
        yield "other routes that are near, and lose:"
        for loser in found.losers:
            yield from paragraph(f"{loser.route}: {loser.why}", at=2)
