"""The beacon plugin, as the entry-point group ``interlock.plugins`` finds it."""

from interlock.plugins.beacon.observer import Beacon
from interlock.plugins.beacon.settings import BeaconSettings
from interlock.plugins.contract import ObserverPlugin
from interlock.version import __version__

PLUGIN = ObserverPlugin(
    name="beacon",
    version=__version__,
    description="container metrics for Prometheus and InfluxDB",
    url="https://prometheus.io/",
    settings=BeaconSettings,
    build=Beacon,
)
