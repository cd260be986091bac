"""`interlock show`: one revision."""

from collections.abc import Iterator

import typer

from interlock.cli.arguments import AsJson, Number
from interlock.cli.daemon import daemon_of
from interlock.cli.receipts import print_json
from interlock.cli.revision_text import COLOURS, cause_text, change_lines, moment, step_text, took
from interlock.core.problems import shown
from interlock.core.revision_status import RevisionStatus


def show(ctx: typer.Context, *, number: Number, json: AsJson = False) -> None:
    """Show one revision: its causes, its steps, and what it changed.

    Exit codes: 0 done; 1 Interlock does not run; 2 no revision of that number is kept.

    Example: interlock show 42
    """
    found = daemon_of(ctx.obj).revision(number)
    if json:
        print_json(found)
        return
    for line in _lines(found):
        typer.echo(line)


def _lines(found: RevisionStatus) -> Iterator[str]:
    head = found.summary
    outcome = typer.style(head.outcome, fg=COLOURS[head.outcome])
    yield f"revision {head.number}: {head.proxy} {outcome}, {moment(head.at)}, {took(head.seconds)}"
    if head.error:
        yield f"  {shown(head.error, length=500)} ({found.attempts} times)"
    if head.reason:
        yield f"  reason: {shown(head.reason, length=300)}"
    yield "causes:"
    yield from (f"  {moment(each.at)} {cause_text(each)}" for each in head.causes)
    if found.taken:
        yield "steps:"
        yield from (f"  {step_text(each)}" for each in found.taken)
    if head.steps > len(found.taken):
        yield f"  and {head.steps - len(found.taken)} more"
    if found.refused:
        yield "refused by the proxy's own check:"
        yield from (f"  {shown(each.route)}: {shown(each.why, length=300)}" for each in found.refused)
    yield "changed routes:" if found.changes else "no route is wanted otherwise than before"
    yield from (f"  {line}" for line in change_lines(found.changes))
