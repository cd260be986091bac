"""The settings that an Interlock would start with, for commands that only look."""

import os

import msgspec

from interlock.cli.known_plugins import known_plugins
from interlock.plugins.registry import look_up, override_of
from interlock.settings import Flags, Settings, load_settings

DEFAULT_PLUGIN = "haproxy"


def chosen_settings(flags: Flags, *, config: str = "") -> Settings:
    """Those of the flags, the environment and the file; for haproxy where no plugin is named. Raises SettingsError."""
    known = known_plugins()
    flags = msgspec.structs.replace(flags, config=config)
    settings = load_settings(flags, environ=os.environ, known=known)
    if settings.plugins:
        return settings
    return load_settings(msgspec.structs.replace(flags, plugins=(DEFAULT_PLUGIN,)), environ=os.environ, known=known)


def override_address_of(settings: Settings) -> str:
    """What the plugins' own settings say of where published ports are reached; the first that says something."""
    addresses = (override_of(look_up(plugin.name).plugin, plugin.options) for plugin in settings.plugins)
    return next(filter(None, addresses), "")
