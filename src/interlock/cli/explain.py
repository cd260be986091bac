"""`interlock explain`: why a container takes traffic, or does not."""

from collections.abc import Iterable, Iterator

import typer

from interlock.cli.arguments import AsJson, OfFile, Who
from interlock.cli.daemon import daemon_of
from interlock.cli.on_paper import routes_on_paper
from interlock.cli.paragraphs import paragraph
from interlock.cli.receipts import print_json
from interlock.core.decisions import Circumstances, Decision, Explanation, Verdict
from interlock.core.explain import explain as explain_container
from interlock.core.problems import shown
from interlock.core.targets import UnknownTargetError, find
from interlock.settings import SettingsError

NOT_SERVED = 3
"""Exit code where a container that was asked about takes no traffic."""

COLOURS = {
    Verdict.YES: "green",
    Verdict.WARNING: "yellow",
    Verdict.WAITING: "yellow",
    Verdict.NO: "red",
}
INDENT = 2
STEP_AT = 12
"""Column of a decision's question."""
ANSWER_AT = 25
"""Column of its answer."""


def explain(ctx: typer.Context, *, who: Who, file: OfFile = "", json: AsJson = False) -> int:
    """Explain why a container takes traffic, or does not.

    The decisions behind it in their order, from the engine that told of it to the proxy that serves it: each with its
    value, where that came from, and what to type where the answer is not yes. A service is explained container by
    container. With --file nobody is asked: what is explained is how Interlock would take the file, if all of it ran, or
    how it was at the end of a recording.

    Exit codes: 0 all of them take traffic; 1 Interlock does not run; 2 nobody is called so; 3 not all take traffic.

    Example: interlock explain web
    """
    found = _of_file(file, who) if file else daemon_of(ctx.obj).explain(who)
    if json:
        print_json(found)
    else:
        for line in _lines(found):
            typer.echo(line)
    served = all(each.verdict in {Verdict.YES, Verdict.WARNING} for each in found)
    return 0 if found and served else NOT_SERVED


def _of_file(file: str, who: str) -> tuple[Explanation, ...]:
    """Raises SettingsError."""
    routes, problems = routes_on_paper(file)
    for problem in problems:
        typer.echo(f"warning: {problem.key}: {problem.what}; fix: {problem.fix}", err=True)
    known = tuple(routes.world.containers())
    try:
        target = find(known, who)
    except UnknownTargetError as error:
        raise SettingsError(error.what, fix=error.fix) from error
    return tuple(explain_container(each, routes, Circumstances()) for each in target.everyone(known))


def _lines(found: Iterable[Explanation]) -> Iterator[str]:
    for number, each in enumerate(found):
        if number:
            yield ""
        yield from paragraph(typer.style(_headline(each), bold=True), at=0)
        if each.cause is not None and each.cause.fix:
            yield f"{' ' * INDENT}fix: {each.cause.fix}"  # in one piece, so that it can be pasted
        route = ""
        for decision in each.decisions:
            if decision.route != route:
                route = decision.route
                yield f"{' ' * INDENT}{route}"
            yield from _decision(decision)


def _headline(found: Explanation) -> str:
    name, cause = shown(found.container), found.cause
    if cause is None:
        return f"{name} takes traffic"
    start = {Verdict.WARNING: "takes traffic, but", Verdict.WAITING: "waits for traffic:"}
    return f"{name} {start.get(found.verdict, 'takes no traffic:')} {cause.what}"


def _decision(decision: Decision) -> Iterator[str]:
    verdict = typer.style(f"{decision.verdict:<{STEP_AT - 2 * INDENT}}", fg=COLOURS[decision.verdict])
    origin = f" ({decision.origin})" if decision.origin else ""
    texts = [decision.what or f"{decision.value}{origin}"]
    texts += [f"fix: {decision.fix}"] if decision.fix else []
    lines = [line for text in texts for line in paragraph(text, at=ANSWER_AT)]
    head = f"{' ' * 2 * INDENT}{verdict}{decision.step:<{ANSWER_AT - STEP_AT}}"
    yield (head + lines[0][ANSWER_AT:]).rstrip()
    yield from lines[1:]
