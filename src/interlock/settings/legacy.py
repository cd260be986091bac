"""Keys of a 1.4.5 file that mean nothing (any more, or yet), and what happens instead.

The list of keys is that of its ExtensionConfig, one flat struct for every extension.
"""

from typing import NamedTuple


class LegacyKey(NamedTuple):
    """A key of `[[Extensions]]` in 1.4.5."""

    extensions: frozenset[str]
    """The extensions that heeded it."""
    instead: str = "is not used by this version"
    """What happens now, in words that follow the key, where the plugin's own settings no longer have it."""


_HAPROXY = frozenset({"haproxy"})
_NGINX = frozenset({"nginx"})
_BEACON = frozenset({"beacon"})
_PROXIES = _HAPROXY | _NGINX

EXTENSION_KEYS: dict[str, LegacyKey] = {
    "ConfigPath": LegacyKey(_PROXIES),
    "PidPath": LegacyKey(_PROXIES, "is not used: Interlock itself supervises the proxy"),
    "TemplatePath": LegacyKey(_PROXIES),
    "BackendOverrideAddress": LegacyKey(_PROXIES),
    "ConnectTimeout": LegacyKey(_HAPROXY),
    "ServerTimeout": LegacyKey(_HAPROXY),
    "ClientTimeout": LegacyKey(_HAPROXY),
    "MaxConn": LegacyKey(_PROXIES),
    "Port": LegacyKey(_PROXIES),
    "SyslogAddr": LegacyKey(_HAPROXY),
    "AdminUser": LegacyKey(_HAPROXY),
    "AdminPass": LegacyKey(_HAPROXY),
    "SSLCertPath": LegacyKey(_NGINX),
    "SSLCert": LegacyKey(_HAPROXY),
    "SSLPort": LegacyKey(_PROXIES),
    "SSLOpts": LegacyKey(_HAPROXY),
    "SSLDefaultDHParam": LegacyKey(_HAPROXY, "is not used: ECDHE needs no such parameter"),
    "SSLServerVerify": LegacyKey(_HAPROXY, "is not used: each container says it with interlock.ssl_backend_tls_verify"),
    "DHParam": LegacyKey(_NGINX, "is not used: ECDHE needs no such parameter"),
    "DHParamPath": LegacyKey(_NGINX, "is not used: ECDHE needs no such parameter"),
    "NginxPlusEnabled": LegacyKey(_NGINX, "is not used: NGINX Plus gets no treatment of its own"),
    "User": LegacyKey(_NGINX),
    "WorkerProcesses": LegacyKey(_NGINX),
    "RLimitNoFile": LegacyKey(_NGINX),
    "ProxyConnectTimeout": LegacyKey(_NGINX),
    "ProxySendTimeout": LegacyKey(_NGINX),
    "ProxyReadTimeout": LegacyKey(_NGINX),
    "SendTimeout": LegacyKey(_NGINX),
    "SSLCiphers": LegacyKey(_NGINX),
    "SSLProtocols": LegacyKey(_NGINX),
    "StatsInterval": LegacyKey(_BEACON),
    "StatsBackendType": LegacyKey(_BEACON),
    "StatsPrometheusPushGatewayURL": LegacyKey(_BEACON),
    "StatsInfluxDBAddress": LegacyKey(_BEACON),
    "StatsInfluxDBUser": LegacyKey(_BEACON),
    "StatsInfluxDBPassword": LegacyKey(_BEACON),
    "StatsInfluxDBDatabase": LegacyKey(_BEACON),
    "StatsInfluxDBPrecision": LegacyKey(_BEACON),
}

TOP_LEVEL_KEYS = {
    "PollInterval": "is accepted but has no effect: events are followed as they come (see also ReconcileInterval)",
    "Rules": "counts only for the plugin beacon, which is not enabled",
}
