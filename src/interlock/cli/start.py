"""`interlock start`: the service, as Interlock 0.x was started."""

import typer

from interlock.cli.launch import launch
from interlock.settings import Flags


def start(ctx: typer.Context) -> int:
    """Watch the engine with the plugins that --plugin names.

    Runs until SIGTERM or Ctrl-C. Everything else is set by environment variables, such as HAPROXY_PORT;
    `interlock spec` names them all.

    Example: interlock --swarm-url tcp://10.0.0.5:3375 --plugin haproxy start
    """
    flags: Flags = ctx.obj
    return launch(flags)
