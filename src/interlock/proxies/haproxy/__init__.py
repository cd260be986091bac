"""The HAProxy plugin, as the entry-point group ``interlock.plugins`` finds it."""

from functools import partial

from interlock.proxies.contract import Plugin
from interlock.proxies.haproxy.contained_master import find_in
from interlock.proxies.haproxy.preview import preview
from interlock.proxies.haproxy.proxy import HaproxyProxy
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.version import __version__

PLUGIN = Plugin(
    name="haproxy",
    version=__version__,
    description="haproxy load balancer and reverse proxy",
    url="https://www.haproxy.org/",
    settings=HaproxySettings,
    build=HaproxyProxy,
    build_in=lambda context, container: HaproxyProxy(context, partial(find_in, container)),
    override_address=lambda settings: str(settings.backend_override_address),
    preview=preview,
)
