"""The NGINX plugin, as the entry-point group ``interlock.plugins`` finds it."""

from functools import partial

from interlock.proxies.contract import Plugin
from interlock.proxies.nginx.contained_master import find_in
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
    build_in=lambda context, container: NginxProxy(context, partial(find_in, container)),
    override_address=lambda settings: str(settings.backend_override_address),
    preview=preview,
)
