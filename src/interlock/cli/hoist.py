"""Moves global flags from behind a command to before it, where the original wanted them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def options_of(parameters: Iterable[Any]) -> dict[str, bool]:
    """Each option's names -> whether a value follows it."""
    return {
        name: not parameter.is_flag
        for parameter in parameters
        if parameter.param_type_name == "option"
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def hoist(arguments: Sequence[str], options: Mapping[str, bool]) -> list[str]:
    """The arguments with all `options` (and their values) first; the order is otherwise kept.

    What follows ``--`` stays where it is, and so does whatever is not known here: the command may know it.

    >>> hoist(["start", "-Dp", "haproxy", "--other", "--swarm-url=u"], {"-D": False, "-p": True, "--swarm-url": True})
    ['-Dp', 'haproxy', '--swarm-url=u', 'start', '--other']
    """
    front: list[str] = []
    rest: list[str] = []
    position = 0
    while position < len(arguments) and arguments[position] != "--":
        length = _global_length(arguments[position], options)
        target = front if length else rest
        target.extend(arguments[position : position + max(length, 1)])
        position += max(length, 1)
    return [*front, *rest, *arguments[position:]]


def _global_length(argument: str, options: Mapping[str, bool]) -> int:
    """How many arguments a global flag takes up, itself included; 0 for anything else."""
    if argument.startswith("--"):
        name, equals, _ = argument.partition("=")
        if name not in options:
            return 0
        return 2 if options[name] and not equals else 1
    if not argument.startswith("-") or argument == "-":
        return 0
    for position, letter in enumerate(argument[1:], 1):
        follows = options.get(f"-{letter}")
        if follows is None:
            return 0
        if follows:
            return 2 if position == len(argument) - 1 else 1
    return 1
