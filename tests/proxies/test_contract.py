"""Every proxy of our own passes the suite that a stranger's plugin is asked to pass."""

import pytest

from interlock.proxies import dryrun, haproxy, nginx
from interlock.testing.contract import ProxyContract


class TestDryrun(ProxyContract):
    plugin = dryrun.PLUGIN
    port_setting = ""


@pytest.mark.real
class TestHaproxy(ProxyContract):
    plugin = haproxy.PLUGIN


@pytest.mark.real
class TestNginx(ProxyContract):
    plugin = nginx.PLUGIN


@pytest.mark.real
class TestNginxWithoutLiveChanges(ProxyContract):
    plugin = nginx.PLUGIN
    settings = {"live_servers": False}  # noqa: RUF012 - a class of its own for each way to set it up
