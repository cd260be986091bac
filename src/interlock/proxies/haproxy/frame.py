"""The operator's settings -> the frame of the configuration; what HAProxy would misread is refused by name."""

import ipaddress
import re
from pathlib import Path

from interlock.core.problems import PermanentError, shown
from interlock.proxies.haproxy.disk import Disk
from interlock.proxies.haproxy.render import Frame
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.proxies.haproxy.spares import SPARES
from interlock.proxies.serving.access_log import AccessLogFormat

SYSTEM_CAS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where distributions keep the CAs that everybody trusts."""

_WORD = re.compile(r"[A-Za-z0-9_.:/,+*@-]+")
_USER = re.compile(r"[A-Za-z0-9_.@-]+")
_PASSWORD = re.compile(r"[ -&(-~]+")
"""Printable ASCII without the single quote, which ends a literal in HAProxy's configuration."""
_SYSLOG = re.compile(r"[A-Za-z0-9_.\[\]:/-]+")


def build_frame(settings: HaproxySettings, disk: Disk, *, password: str, certificates: str) -> Frame:
    """Check and translate the settings.

    Raises:
        PermanentError: one of them cannot be written into the configuration.
    """
    options = tuple(settings.ssl_opts.split())
    for name, value, grammar in (
        ("HAPROXY_STATS_USER", settings.admin_user, _USER),
        ("HAPROXY_STATS_PASSWORD", password, _PASSWORD),
        *((("HAPROXY_SYSLOG_ADDR", settings.syslog_addr, _SYSLOG),) if settings.syslog_addr else ()),
        *(("HAPROXY_SSL_OPTS", option, _WORD) for option in options),
        *((("HAPROXY_SSL_BACKEND_CA", settings.ssl_backend_ca, _WORD),) if settings.ssl_backend_ca else ()),
        *((("HAPROXY_PID_PATH", settings.pid_path, _WORD),) if settings.pid_path else ()),
    ):
        if not grammar.fullmatch(value):
            quoted = "" if name.endswith("PASSWORD") else f"={shown(value)}"
            raise PermanentError(
                f"{name}{quoted} has a character that HAProxy's configuration cannot hold",
                fix=f"use only {grammar.pattern}",
            )
    return Frame(
        admin_socket=str(disk.admin_socket),
        admin_socket_mode=disk.socket_mode,
        state_file=str(disk.server_state),
        http_port=settings.port,
        https_port=settings.ssl_port if certificates else 0,
        certificates=certificates,
        https_options=options,
        dh_bits=settings.ssl_default_dh_param,
        backend_ca=disk.within_reach(
            settings.ssl_backend_ca or next((path for path in SYSTEM_CAS if Path(path).is_file()), "")
        ),
        max_connections=settings.max_conn,
        connect_timeout=settings.connect_timeout,
        server_timeout=settings.server_timeout,
        client_timeout=settings.client_timeout,
        tunnel_timeout=settings.tunnel_timeout,
        hard_stop_after=settings.hard_stop_after,
        stats_user=settings.admin_user,
        stats_password=password,
        pid_file=settings.pid_path,
        syslog=settings.syslog_addr,
        json_log=settings.access_log_format is AccessLogFormat.JSON,
        trusted=tuple(_network(text) for text in settings.trusted_proxies),
        unknown_status=_status(settings.unknown_host_status),
        spares=SPARES,
    )


def ports_of(frame: Frame) -> tuple[tuple[str, int], ...]:
    """What HAProxy listens on, each port with the name of its setting."""
    return ("HAPROXY_PORT", frame.http_port), ("HAPROXY_SSL_PORT", frame.https_port)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError as error:
        raise PermanentError(
            f"HAPROXY_TRUSTED_PROXIES: {shown(text)} is not a network", fix="use CIDR, such as 10.0.0.0/8"
        ) from error


def _status(status: int) -> int:
    allowed = (404, 503)
    if status not in allowed:
        raise PermanentError(f"HAPROXY_UNKNOWN_HOST_STATUS={status} is not possible", fix="use 404 or 503")
    return status
