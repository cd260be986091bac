"""`interlock agent keys`: certificates for agents and for those who may ask them."""

import importlib
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from interlock.cli.arguments import AsJson
from interlock.cli.receipts import print_json
from interlock.core.problems import PermanentError, shown

SECRETS = ("ca.pem", "agent.pem", "agent-key.pem", "client.pem", "client-key.pem")
"""Files that become Docker secrets. The CA's own key is none: it stays where it was made."""
LIBRARY = "cryptography"


def agent_keys(
    *,
    folder: Annotated[str, typer.Option("--dir", metavar="DIR", help="Where they are kept; made with mode 700.")],
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="NAME", show_default=False, help="One more host name or address of agents."),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, metavar="DAYS", help="How long they are good.")] = 365,
    renew: Annotated[bool, typer.Option("--renew", help="Make them anew, by the same CA.")] = False,
    json: AsJson = False,
) -> None:
    """Make the certificates of `agent`, and those that let Interlock in.

    A CA of their own, a certificate for agents, and one for Interlock, each with its key, readable by nobody else. What
    is there already is kept. Shows how to make Docker secrets of them; ca-key.pem belongs into none: keep it.

    Exit codes: 0 they are there; 1 the folder cannot be used, or the library is missing.

    Example: interlock agent keys --dir ./keys --name node-1.example.com
    """
    made = _library().make(Path(folder), names=name or (), days=days, is_renewal=renew)
    if json:
        print_json(made)
        return
    for one in made:
        state = "made" if one.is_new else "kept"
        typer.echo(f"{state}: {shown(one.cert, length=500)}, until {one.expires}")
    for line in _commands(Path(folder)):
        typer.echo(line)


def _commands(folder: Path) -> Iterable[str]:
    yield ""
    yield "As Docker secrets, on a manager of the swarm:"
    for file in SECRETS:
        yield f"  docker secret create interlock-{file} {shlex.quote(str(folder / file))}"


def _library() -> Any:
    """Raises PermanentError where the extra is not installed."""
    try:
        return importlib.import_module("interlock.agent.keys")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != LIBRARY:
            raise
        raise PermanentError(
            f"making certificates needs the library {LIBRARY}", fix="pip install interlock[agent], or use openssl"
        ) from error
