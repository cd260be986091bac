"""`interlock doctor`: what would keep Interlock from starting here, or from serving well."""

import asyncio
import os
from typing import Annotated

import typer

from interlock.cli.arguments import AsJson
from interlock.cli.chosen import chosen_settings, override_address_of
from interlock.cli.receipts import counted, print_json
from interlock.core.problems import shown
from interlock.doctor import Check, Verdict, examine
from interlock.host import logs

UNWELL = 1
"""Exit code where there is a problem."""
COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red"}
INDENT = max(map(len, Verdict)) + 2


def doctor(
    ctx: typer.Context,
    *,
    config: Annotated[str, typer.Option("--config", "-c", metavar="FILE", help="TOML file, as for `run`.")] = "",
    json: AsJson = False,
) -> int:
    """Look for what would keep Interlock from starting here, or from serving well.

    Looks at the engine and what it runs, the proxy's program, ports, certificates and limits, the folders, the clock,
    and at another Interlock; with the settings that Interlock would have, and for haproxy where no plugin is named.
    Changes nothing, and needs no running Interlock.

    Exit codes: 0 there is no problem, though maybe a warning; 1 there is one.

    Example: interlock --plugin nginx doctor
    """
    settings = chosen_settings(ctx.obj, config=config)
    logs.configure(debug=settings.debug, log_format=settings.log_format)
    checks = asyncio.run(examine(settings, override_address=override_address_of(settings)))
    if json:
        print_json(checks)
    else:
        _print(checks)
    return UNWELL if any(check.verdict is Verdict.PROBLEM for check in checks) else 0


def _print(checks: list[Check]) -> None:
    colour = False if os.environ.get("NO_COLOR") else None
    for check in checks:
        verdict = typer.style(check.verdict, fg=COLOURS[check.verdict]) + " " * (INDENT - len(check.verdict))
        typer.echo(f"{verdict}{shown(check.about)}: {shown(check.what, length=500)}", color=colour)
        if check.fix:
            typer.echo(f"{' ' * INDENT}fix: {shown(check.fix, length=500)}")
    problems, warnings = (sum(check.verdict is each for check in checks) for each in (Verdict.PROBLEM, Verdict.WARNING))
    typer.echo(f"{counted(problems, 'problem')}, {counted(warnings, 'warning')} in {len(checks)} checks", err=True)
