"""Caddy keeps the contract of Interlock: its whole suite, against the real program."""

from interlock_caddy.proxy import PLUGIN

from interlock.testing.contract import ProxyContract


class TestCaddy(ProxyContract):
    plugin = PLUGIN
    resets_connections = True  # its old listener goes with what waits there, when it loads a configuration
