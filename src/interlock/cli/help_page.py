"""The page that `--help` shows: Rich's colours and layout, without the half of Rich that Typer's own page loads.

That half (Markdown, syntax highlighting, tracebacks) takes longer to import than the rest of the command line.
"""

import inspect
import io
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

NARROW = 60
"""Columns below which a description stands under its name instead of beside it."""
INDENT = 2
NAME_STYLE = "bold cyan"
TITLE_STYLE = "bold"


def help_page(command: Any, ctx: Any) -> str:
    """The page as text, with ANSI colours where stdout is a terminal that takes them."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=sys.stdout.isatty(), highlight=False, soft_wrap=False)
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    console.print(Text.assemble(("Usage:", TITLE_STYLE), " ", usage))
    for paragraph in _paragraphs(command.help or ""):
        console.print("", Text(paragraph), sep="\n")
    parameters = [each for each in command.get_params(ctx) if not getattr(each, "hidden", False)]
    options = [(_names(each), each.help or "") for each in parameters if each.param_type_name == "option"]
    arguments = [(each.name.upper(), each.help or "") for each in parameters if each.param_type_name == "argument"]
    commands = [(name, each.help or "") for name, each in getattr(command, "commands", {}).items() if not each.hidden]
    for title, rows in (("Arguments", arguments), ("Options", options), ("Commands", commands)):
        if rows:
            console.print("", Text(title, TITLE_STYLE), _layout(rows, console.width), sep="\n")
    for paragraph in _paragraphs(command.epilog or ""):
        console.print("", Text(paragraph), sep="\n")
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _paragraphs(text: str) -> Iterable[str]:
    """The paragraphs of a docstring, each without the line breaks of its source."""
    return (" ".join(paragraph.split()) for paragraph in inspect.cleandoc(text).split("\n\n") if paragraph)


def _names(option: Any) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} {option.metavar or option.name.upper()}"


def _layout(rows: Iterable[tuple[str, str]], width: int) -> RenderableType:
    if width < NARROW:
        stacked = ((Text(name, NAME_STYLE), Padding(Text(text), (0, 0, 0, INDENT))) for name, text in rows)
        return Padding(Group(*(line for pair in stacked for line in pair)), (0, 0, 0, INDENT))
    table = Table.grid(padding=(0, INDENT, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, text in rows:
        table.add_row(Text(name, NAME_STYLE), Text(text))
    return Padding(table, (0, 0, 0, INDENT))
