"""What `start` and `run` have in common: read the settings, hand them to the service."""

import importlib
import os
from collections.abc import Callable

from interlock.cli.known_plugins import known_plugins
from interlock.settings import Flags, Settings, load_settings


def launch(flags: Flags) -> int:
    """Run the service until a signal ends it; its exit code. Raises SettingsError, PermanentError."""
    settings = load_settings(flags, environ=os.environ, known=known_plugins())
    # Loaded only now: the service needs aiohttp, and `interlock start --help` should not wait for that.
    main: Callable[[Settings], int] = importlib.import_module("interlock.app").main
    return main(settings)
