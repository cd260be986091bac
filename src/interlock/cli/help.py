"""`interlock help`, as the original had it beside --help."""

from typing import Annotated

import typer

from interlock.cli.commands import Commands


def show_help(
    ctx: typer.Context, command: Annotated[str, typer.Argument(metavar="COMMAND", help="A command's name.")] = ""
) -> None:
    """Show this help, or that of a command.

    Example: interlock help run
    """
    root = ctx.find_root()
    if not command:
        typer.echo(root.get_help())
    elif isinstance(root.command, Commands):
        name, found, _ = root.command.resolve_command(root, [command])
        found.make_context(name, ["--help"], parent=root)
