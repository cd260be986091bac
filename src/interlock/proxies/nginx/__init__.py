"""The NGINX plugin, as the entry-point group ``interlock.plugins`` finds it."""

from interlock.proxies.contract import Plugin
from interlock.proxies.nginx.preview import preview
from interlock.proxies.nginx.proxy import NginxProxy
from interlock.proxies.nginx.settings import NginxSettings
from interlock.version import __version__

PLUGIN = Plugin(
    name="nginx",
    version=__version__,
    description="nginx load balancer and reverse proxy",
    url="https://nginx.org/",
    settings=NginxSettings,
    build=NginxProxy,
    override_address=lambda settings: str(settings.backend_override_address),
    preview=preview,
)
