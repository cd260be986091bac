"""How the command line says that something is wrong: what on one line, the fix on the next; never a traceback."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import typer

from interlock.core.problems import InterlockError, shown
from interlock.settings import SettingsError
from interlock.settings.faults import fault_text, suggestion

FAILED = 1
"""Exit code where the machine is in the way: a missing program, a refused certificate."""
WRONG_USE = 2
"""Exit code where flags, variables or the configuration file are wrong."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as the shell has it."""

LONGEST_LINE = 2000
"""Characters of one line on stderr; a library's error may hold a whole page."""

UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])
"""What Typer raises for a command line that it cannot parse. It exports the leaves of that family only, and their base
is now click's, now its own copy, depending on the release."""


class Complaint(NamedTuple):
    """One thing that is wrong, and what to do about it."""

    what: str
    fix: str = ""


def complain(error: Exception) -> int:
    """Print an error on stderr and say with which code to exit."""
    for complaint in complaints(error):
        typer.echo(f"interlock: {shown(complaint.what, length=LONGEST_LINE)}", err=True)
        if complaint.fix:
            typer.echo(f"fix: {shown(complaint.fix, length=LONGEST_LINE)}", err=True)
    return FAILED if isinstance(error, InterlockError) and not isinstance(error, SettingsError) else WRONG_USE


def complaints(error: Exception) -> list[Complaint]:
    """Every complaint in an error of ours, or in one of Typer's about the command line."""
    if isinstance(error, SettingsError) and error.problems:
        return [Complaint(fault_text(problem), problem.fix) for problem in error.problems]
    if isinstance(error, InterlockError):
        return [Complaint(error.what, error.fix)]
    return [_of_usage(error)]


def _of_usage(error: Any) -> Complaint:
    path = error.ctx.command_path if error.ctx is not None else "interlock"
    help_ = f"`{path} --help` shows what it takes"
    option = getattr(error, "option_name", None)
    if option is None or not hasattr(error, "possibilities"):
        what = shown(error.format_message().rstrip("."))
        return Complaint(what[:1].lower() + what[1:], help_)
    what = f"{path} has no option {shown(option)}"
    elsewhere = [f"`interlock {name}`" for name in error.ctx.find_root().command.commands_with(option)]
    fix = f"it belongs to {' and '.join(elsewhere)}, behind the command" if elsewhere else ""
    return Complaint(what, fix or suggestion(option, _options(error.ctx), otherwise=help_))


def _options(context: Any) -> Iterator[str]:
    """Every long option that may stand where the context is: the command's own and the global ones."""
    while context is not None:
        for parameter in context.command.params:
            if not getattr(parameter, "hidden", False):
                yield from (name for name in parameter.opts if name.startswith("--"))
        context = context.parent
