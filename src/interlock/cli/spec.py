"""`interlock spec`: every setting, written out."""

from typing import Annotated

import typer

from interlock.cli.known_plugins import known_plugins
from interlock.settings import Flags
from interlock.settings.extensions import flagged_plugins
from interlock.settings.faults import raise_errors
from interlock.settings.reference import markdown_text, toml_text

DEFAULT_PLUGIN = "haproxy"


def spec(
    ctx: typer.Context,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print tables for a manual instead.")] = False,
) -> None:
    """Print a configuration file with every setting.

    Each key has its default, what it means, and the variable and flag that set it too. The plugins named with
    --plugin are enabled in it (haproxy without), the others are comments.

    Example: interlock spec > interlock.toml && interlock run --config interlock.toml
    """
    flags: Flags = ctx.obj
    known = known_plugins()
    enabled, problems = flagged_plugins(flags.plugins or (DEFAULT_PLUGIN,), known)
    raise_errors(problems)
    typer.echo(markdown_text(known) if markdown else toml_text(known, enabled), nl=False)
