"""What the shell offers on Tab: names that the running Interlock knows, within a moment, or nothing."""

import re
from collections.abc import Iterable

import typer

from interlock.cli.daemon import daemon_of
from interlock.core.problems import InterlockError
from interlock.core.targets import Names
from interlock.settings import Flags

SECONDS = 1.0
"""For the daemon's answer: whoever presses Tab waits for it."""
MOST = 500
"""Names that are offered; more is no help."""

_HARMLESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,252}")
"""Shells take what is offered word for word, some expand it; a wildcard's ``*`` is not offered either."""
_NOBODY = Names(containers=(), services=(), hosts=())


def offer_targets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Containers and Compose services."""
    names = _names(ctx)
    return _begun((*names.services, *names.containers), incomplete)


def offer_services(ctx: typer.Context, incomplete: str) -> list[str]:
    return _begun(_names(ctx).services, incomplete)


def offer_hosts(ctx: typer.Context, incomplete: str) -> list[str]:
    return _begun(_names(ctx).hosts, incomplete)


def _names(ctx: typer.Context) -> Names:
    run_dir = ctx.find_root().params.get("run_dir")
    flags = Flags(values={"--run-dir": run_dir} if run_dir else {})
    try:
        return daemon_of(flags, seconds=SECONDS).names()
    except InterlockError:
        return _NOBODY  # none runs, or it is too busy: the shell then offers nothing


def _begun(names: Iterable[str], incomplete: str) -> list[str]:
    fitting = (name for name in names if name.startswith(incomplete) and _HARMLESS.fullmatch(name))
    return sorted(set(fitting))[:MOST]
