"""The stats plugin, as the entry-point group ``interlock.plugins`` finds it."""

from interlock.plugins.contract import ObserverPlugin
from interlock.plugins.stats.observer import Stats
from interlock.plugins.stats.settings import StatsSettings
from interlock.version import __version__

PLUGIN = ObserverPlugin(
    name="stats",
    version=__version__,
    description="cluster stats to graphite",
    url="https://graphite.readthedocs.io/en/stable/feeding-carbon.html",
    settings=StatsSettings,
    build=Stats,
)
