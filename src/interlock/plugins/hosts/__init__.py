"""The hosts plugin, as the entry-point group ``interlock.plugins`` finds it."""

from interlock.plugins.contract import ObserverPlugin
from interlock.plugins.hosts.observer import Hosts
from interlock.plugins.hosts.settings import HostsSettings
from interlock.version import __version__

PLUGIN = ObserverPlugin(
    name="hosts",
    version=__version__,
    description="names of routed sites in a hosts file",
    url="https://man7.org/linux/man-pages/man5/hosts.5.html",
    settings=HostsSettings,
    build=Hosts,
)
