"""How the outcome of an order is told."""

from collections.abc import Iterable

import msgspec
import typer

from interlock.core.problems import shown
from interlock.core.status import ContainerStatus, Receipt


def print_json(value: object) -> None:
    """One value, indented, keys in their own order."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def tell(receipt: Receipt, lines: Iterable[str], *, json: bool) -> None:
    """The receipt itself for a program; for people the lines, with the warnings apart on stderr."""
    if json:
        print_json(receipt)
        return
    for line in lines:
        typer.echo(line)
    warn(receipt)


def warn(receipt: Receipt) -> None:
    for warning in receipt.warnings:
        typer.echo(f"warning: {shown(warning, length=500)}", err=True)


def names(containers: Iterable[ContainerStatus]) -> str:
    """``web_1, web_2``."""
    return ", ".join(shown(each.name) for each in containers)


def counted(count: int, word: str) -> str:
    """``no request``, ``1 request``, ``2 requests``."""
    return f"{count or 'no'} {word}{'s' if count > 1 else ''}"


def requests(count: int) -> str:
    """``no request``, ``1 request``, ``2 requests``."""
    return counted(count, "request")
