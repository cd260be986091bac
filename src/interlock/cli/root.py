"""`interlock` itself: the global options, and where every error ends."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import typer
from typer.main import get_command

from interlock.cli.commands import Commands
from interlock.cli.complaints import INTERRUPTED, UsageError, complain
from interlock.cli.plugin_names import offer_plugins
from interlock.core.problems import InterlockError
from interlock.settings import EngineSettings, Flags, Settings
from interlock.settings.fields import fields_of
from interlock.version import __version__

app = typer.Typer(cls=Commands, context_settings={"help_option_names": ["--help", "-h"]})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (that of this process unless given) and return the exit code.

    0 for success, 1 where the machine is in the way, 2 where what the operator wrote is wrong, 130 after Ctrl-C.
    """
    try:
        code = get_command(app).main(arguments, prog_name="interlock", standalone_mode=False)
    except (InterlockError, UsageError) as error:
        return complain(error)
    except typer.Abort:
        return INTERRUPTED
    return int(code or 0)


def _option(type_: type[msgspec.Struct], name: str, *short: str, metavar: str | None = None) -> Any:
    """The flag of a setting, with the setting's own description and the other ways to set it."""
    field = next(field for field in fields_of(type_) if field.name == name)
    default = f"default {field.default_text}" if field.default_text not in ("", "false") else ""
    names = "; ".join(part for part in (f"env {field.option.env}" if field.option.env else "", default) if part)
    help_ = f"{field.option.doc} ({names})" if names else field.option.doc
    return typer.Option(field.option.flag, *short, metavar=metavar, show_default=False, help=help_)


def _show_version(*, asked: bool) -> None:
    if asked:
        typer.echo(f"interlock version {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def interlock(
    ctx: typer.Context,
    *,
    swarm_url: Annotated[list[str] | None, _option(EngineSettings, "url", "-s", metavar="URL")] = None,
    tls_ca: Annotated[str, _option(EngineSettings, "tls_ca", metavar="FILE")] = "",
    tls_cert: Annotated[str, _option(EngineSettings, "tls_cert", metavar="FILE")] = "",
    tls_key: Annotated[str, _option(EngineSettings, "tls_key", metavar="FILE")] = "",
    allow_insecure: Annotated[bool, _option(EngineSettings, "allow_insecure")] = False,
    swarm_mode: Annotated[bool, _option(EngineSettings, "swarm_mode")] = False,
    swarm_node: Annotated[list[str] | None, _option(EngineSettings, "swarm_nodes", metavar="URL")] = None,
    locality: Annotated[list[str] | None, _option(Settings, "locality", metavar="NAME")] = None,
    plugin: Annotated[
        list[str] | None,
        typer.Option(
            "--plugin",
            "-p",
            metavar="NAME",
            show_default=False,
            help="Plugin to enable; may be repeated.",
            autocompletion=offer_plugins,
        ),
    ] = None,
    debug: Annotated[bool, _option(Settings, "debug", "-D")] = False,
    log_format: Annotated[str, _option(Settings, "log_format", metavar="FORMAT")] = "",
    run_dir: Annotated[str, _option(Settings, "run_dir", metavar="DIRECTORY")] = "",
    _version: Annotated[
        bool, typer.Option("--version", "-v", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """Watch Docker and keep a proxy routing to the containers that are up.

    Example: interlock --swarm-url tcp://10.0.0.5:3375 --plugin haproxy start
    """
    typed: dict[str, Any] = {
        "--swarm-tls-ca-cert": tls_ca,
        "--swarm-tls-cert": tls_cert,
        "--swarm-tls-key": tls_key,
        "--swarm-allow-insecure": "true" if allow_insecure else "",
        "--swarm-mode": "true" if swarm_mode else "",
        "--swarm-node": ",".join(swarm_node or ()),
        "--locality": ",".join(locality or ()),
        "--debug": "true" if debug else "",
        "--log-format": log_format,
        "--run-dir": run_dir,
    }
    ctx.obj = Flags(
        values={flag: value for flag, value in typed.items() if value},
        swarm_urls=tuple(url for url in swarm_url or () if url),
        plugins=tuple(plugin or ()),
    )
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
