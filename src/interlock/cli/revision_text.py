"""Revisions and what they changed, as lines for a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec
import typer

from interlock.cli.columns import columns
from interlock.cli.route_table import state_text
from interlock.core.happenings import Cause
from interlock.core.problems import shown
from interlock.core.revision_status import RevisionSummary, RouteChange
from interlock.core.revisions import Outcome, StepTaken
from interlock.core.status import RouteStatus, ServerStatus

HEADER = ("REVISION", "TIME", "PROXY", "OUTCOME", "ROUTES", "TOOK", "CAUSE")
MOST_CHANGES = 50
"""Routes that are shown; JSON has all."""
MOST_CAUSES = 2
"""Causes that one line names."""

COLOURS = {Outcome.APPLIED: "green", Outcome.RELOADED: "cyan", Outcome.FAILED: "red", "+": "green", "-": "red"}


def moment(at: float) -> str:
    """Local time to the second."""
    return f"{datetime.fromtimestamp(at).astimezone():%m-%d %H:%M:%S}"


def took(seconds: float) -> str:
    """``12 ms``, ``1.5 s``."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def cause_text(cause: Cause) -> str:
    """``start web_1``; the engine where it is about no container."""
    return shown(" ".join(filter(None, (cause.action, cause.container or cause.container_id[:12] or cause.engine))))


def causes_text(causes: Iterable[Cause]) -> str:
    """The first ones, each once, and how many more."""
    told = list(dict.fromkeys(map(cause_text, causes)))
    further = f", +{len(told) - MOST_CAUSES}" if len(told) > MOST_CAUSES else ""
    return (", ".join(told[:MOST_CAUSES]) or "none") + further


def revision_table(revisions: Sequence[RevisionSummary]) -> Iterator[str]:
    """One line a revision, below a head."""
    if not revisions:
        yield "Nothing has been done yet."
        return
    head, *lines = columns([HEADER, *map(_row, revisions)])
    yield head
    for revision, line in zip(revisions, lines, strict=True):
        outcome = revision.outcome
        yield line.replace(f" {outcome} ", f" {typer.style(outcome, fg=COLOURS[outcome])} ", 1)


def _row(revision: RevisionSummary) -> tuple[str, ...]:
    counts = (("+", revision.added), ("~", revision.changed), ("-", revision.removed))
    return (
        str(revision.number),
        moment(revision.at),
        revision.proxy,
        revision.outcome,
        " ".join(f"{sign}{count}" for sign, count in counts if count) or "none",
        took(revision.seconds),
        causes_text(revision.causes),
    )


def step_text(step: StepTaken) -> str:
    """One step."""
    return shown(" ".join(filter(None, (step.step, step.route, step.server, step.detail))), length=300)


def change_lines(changes: Iterable[RouteChange]) -> Iterator[str]:
    """Routes with ``+``, ``-`` or ``~`` before their names, what is different below; the first ones."""
    told = list(changes)
    for change in told[:MOST_CHANGES]:
        sign = "+" if change.before is None else "-" if change.now is None else "~"
        yield _coloured(f"{sign} {shown(change.name, length=300)}")
        yield from (_coloured(f"    {line}") for line in _differences(change.before, change.now))
    if len(told) > MOST_CHANGES:
        yield f"and {len(told) - MOST_CHANGES} more routes, which --json prints"


def _differences(before: RouteStatus | None, now: RouteStatus | None) -> Iterator[str]:
    if before is not None and now is not None:
        was, is_ = msgspec.to_builtins(before.backend), msgspec.to_builtins(now.backend)
        yield from (f"~ {key}: {_value(was[key])} -> {_value(is_[key])}" for key in was if was[key] != is_[key])
        if before.maintenance != now.maintenance:
            yield "~ opened again" if now.maintenance is None else f"~ closed: {shown(now.maintenance.message)}"
    left = {server.name: server for server in before.servers} if before is not None else {}
    right = {server.name: server for server in now.servers} if now is not None else {}
    for name in sorted(left.keys() | right.keys()):
        yield from _server(left.get(name), right.get(name))


def _server(before: ServerStatus | None, now: ServerStatus | None) -> Iterator[str]:
    if before == now:
        return
    if before is None or now is None or before.container != now.container:
        yield from (f"- {_place(each)}" for each in (before,) if each is not None)
        yield from (f"+ {_place(each)}" for each in (now,) if each is not None)
        return
    pairs = (("", _state(before), _state(now)), ("weight ", before.weight, now.weight), ("", _at(before), _at(now)))
    told = ", ".join(f"{word}{left} -> {right}" for word, left, right in pairs if left != right)
    if told:
        yield f"~ {now.name}: {told}"


def _place(server: ServerStatus) -> str:
    return f"{server.name} {_at(server)} {_state(server)}"


def _state(server: ServerStatus) -> str:
    return state_text(server.state, waits=server.waits)


def _at(server: ServerStatus) -> str:
    host = f"[{server.address}]" if ":" in server.address else server.address
    return f"{host}:{server.port}"


def _value(value: object) -> str:
    return shown(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _coloured(line: str) -> str:
    """In the colour of its sign; whoever prints it strips that off a pipe."""
    return typer.style(line, fg=COLOURS.get(line.strip()[:1]))
