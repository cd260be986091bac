"""`interlock completion`: what makes a shell complete commands, flags and names."""

import enum
import os
from typing import Annotated

import typer

VARIABLE = "_INTERLOCK_COMPLETE"
"""By which the shell and Typer agree on what is asked for."""


class Shell(enum.StrEnum):
    """Shells that are known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    ctx: typer.Context, shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="Which shell it is for.")]
) -> int:
    """Print what makes a shell complete commands, flags and names.

    Names of containers, services and hosts are those of the running Interlock; where none answers within a second,
    none are offered.

    Example: interlock completion bash > /etc/bash_completion.d/interlock
    """
    root = ctx.find_root()
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = f"source_{shell}"
    try:
        root.command.main([], prog_name="interlock", complete_var=VARIABLE)
    except SystemExit as ended:  # Typer's way to say that it has printed the script
        return int(ended.code or 0)
    finally:
        os.environ.pop(VARIABLE)
        os.environ |= {VARIABLE: before} if before is not None else {}
    return 0
