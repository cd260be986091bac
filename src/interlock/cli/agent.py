"""`interlock agent`: a read-only window to the engine of this machine, so that Interlock needs no socket of it."""

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from interlock.cli.agent_flags import Ca, Cert, Key, Listen, Socket
from interlock.host import logs
from interlock.settings import LogFormat, Settings, SettingsError
from interlock.settings.faults import raise_errors
from interlock.settings.model import DEFAULT_ENGINE_URL
from interlock.settings.reader import collect_options

ENGINE_FLAGS = ("--swarm-tls-ca-cert", "--swarm-tls-cert", "--swarm-tls-key", "--swarm-allow-insecure")
"""Global ones beside --swarm-url; an agent does not heed them."""


def agent(
    ctx: typer.Context,
    *,
    listen: Listen = "",
    socket: Socket = "",
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="URL",
            envvar="INTERLOCK_AGENT_ENGINE",
            help=f"The engine to show; default {DEFAULT_ENGINE_URL}.",
        ),
    ] = DEFAULT_ENGINE_URL,
    tls_ca: Ca = "",
    tls_cert: Cert = "",
    tls_key: Key = "",
) -> int:
    """Show this machine's engine to Interlocks elsewhere, read-only.

    Serves what Interlock reads of the Docker API, such as events and containers; of environment and labels only those
    that ask for routes. Everything else is refused. Over TCP it lets in nobody without a certificate of its CA, which
    is read again when its file changes. Each flag has a variable: --tls-ca is INTERLOCK_AGENT_TLS_CA.

    Exit codes: 0 after SIGTERM or Ctrl-C; 1 the address or the files cannot be used; 2 the flags are wrong.

    Example: interlock agent --listen :7777 --tls-ca ca.pem --tls-cert agent.pem --tls-key agent-key.pem
    """
    values = ctx.obj.values
    if given := [*(("--swarm-url",) if ctx.obj.swarm_urls else ()), *(flag for flag in ENGINE_FLAGS if flag in values)]:
        raise SettingsError(f"{given[0]} is for Interlock, not for its agent", fix="name the engine with --engine")
    if not listen and not socket:
        raise SettingsError("nobody could reach the agent", fix="give --listen :7777, or --socket FILE, or both")
    given_files = [bool(file) for file in (tls_ca, tls_cert, tls_key)]
    if listen and not all(given_files):
        fix = "make them with `interlock agent keys`, and give --tls-ca, --tls-cert and --tls-key; or use --socket"
        raise SettingsError("over TCP the agent lets in nobody without a certificate: it needs three files", fix=fix)
    if any(given_files) and not listen:
        raise SettingsError("TLS files without an address to serve them at", fix="give --listen :7777")
    _configure_log(values)
    # Loaded only now: the agent needs aiohttp, and `interlock agent --help` should not wait for that.
    run: Callable[..., int] = importlib.import_module("interlock.agent.service").run
    return run(engine=engine, listen=listen, socket=socket, tls_files=(tls_ca, tls_cert, tls_key))


def _configure_log(flags: Mapping[str, str]) -> None:
    values, problems = collect_options(Settings, table={}, environ=os.environ, where="", flags=flags)
    raise_errors(problems)
    logs.configure(debug=values.get("debug", False), log_format=values.get("log_format", LogFormat.LOGFMT))
