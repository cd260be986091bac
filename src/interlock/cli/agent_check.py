"""`interlock agent check`: whether the agent of this machine works, for a container's HEALTHCHECK."""

import importlib
from pathlib import Path
from typing import Any

import typer

from interlock.cli.agent_flags import Ca, Listen, Socket
from interlock.settings import SettingsError


def agent_check(*, listen: Listen = "", socket: Socket = "", tls_ca: Ca = "") -> None:
    """Say whether the agent of this machine works, for a HEALTHCHECK.

    Takes the flags and variables of `interlock agent`, so that in its container none need be given. Needs no client's
    key. Whether the engine answers is not asked: an agent that is started again would not mend it.

    Exit codes: 0 it works; 1 it does not; 2 the flags are wrong.

    Example: interlock agent check --listen :7777 --tls-ca ca.pem
    """
    if not listen and not socket:
        raise SettingsError("nothing says where the agent is", fix="give --listen and --tls-ca, or --socket, as to it")
    if listen and not tls_ca:
        raise SettingsError("nothing says whose certificate the agent must show", fix="give --tls-ca, as to the agent")
    knock: Any = importlib.import_module("interlock.agent.knock")
    if socket:
        knock.knock_on_socket(Path(socket))
    if listen:
        knock.knock_on_port(listen, tls_ca)
    typer.echo("the agent works")
