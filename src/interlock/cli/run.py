"""`interlock run`: the service, as Interlock 1.x was started."""

import os
from typing import Annotated

import msgspec
import typer

from interlock.cli.launch import launch
from interlock.settings import Flags, SettingsError
from interlock.settings.document import CONFIG_VARIABLE

NO_KEY_VALUE_STORE = SettingsError(
    "configuration in consul or etcd is not supported by this version",
    fix="keep it in a file: interlock run --config FILE; or in INTERLOCK_CONFIG, as TOML text",
)

NO_CONFIGURATION = SettingsError(
    f"there is no configuration: neither --config nor {CONFIG_VARIABLE} is given",
    fix="write one with `interlock spec > interlock.toml`, and give it with `interlock run --config interlock.toml`",
)

OfKeyValueStore = Annotated[str, typer.Option(hidden=True)]


def run(
    ctx: typer.Context,
    *,
    config: Annotated[
        str,
        typer.Option("--config", "-c", metavar="FILE", help="TOML file (env INTERLOCK_CONFIG holds the text itself)."),
    ] = "",
    discovery: Annotated[str, typer.Option("--discovery", "-k", hidden=True)] = "",
    discovery_tls_ca_cert: OfKeyValueStore = "",
    discovery_tls_cert: OfKeyValueStore = "",
    discovery_tls_key: OfKeyValueStore = "",
) -> int:
    """Watch the engine as a configuration file says.

    Runs until SIGTERM or Ctrl-C. A flag beats an environment variable, and that beats the file;
    `interlock spec` prints a file to begin with.

    Example: interlock run --config /etc/interlock.toml
    """
    if discovery or discovery_tls_ca_cert or discovery_tls_cert or discovery_tls_key:
        raise NO_KEY_VALUE_STORE
    flags: Flags = ctx.obj
    if not config and not os.environ.get(CONFIG_VARIABLE):
        raise NO_CONFIGURATION
    return launch(msgspec.structs.replace(flags, config=config))
