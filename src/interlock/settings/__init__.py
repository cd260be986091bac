"""Everything that can be set, read once into frozen values: flags over environment over file over defaults."""

from interlock.settings.extensions import Known
from interlock.settings.faults import SettingsError
from interlock.settings.load import Flags, load_settings
from interlock.settings.model import EngineSettings, LogFormat, PluginSettings, Rule, Settings
from interlock.settings.option import Option
from interlock.settings.reader import read_options

__all__ = [
    "EngineSettings",
    "Flags",
    "Known",
    "LogFormat",
    "Option",
    "PluginSettings",
    "Rule",
    "Settings",
    "SettingsError",
    "load_settings",
    "read_options",
]
