"""The operator's settings -> the frame of the configuration; what NGINX would misread is refused by name."""

import ipaddress
import re
from pathlib import Path

from interlock.core.problems import PermanentError, Problem, Severity, shown
from interlock.host.process import Identity
from interlock.proxies.nginx.binary import HTTP2_BY_ITSELF, SPARES_IDLE_CLIENTS, STATUS_MODULE, spare_temp_paths
from interlock.proxies.nginx.disk import Disk
from interlock.proxies.nginx.frame import Frame
from interlock.proxies.nginx.settings import NginxSettings
from interlock.proxies.serving.access_log import AccessLogFormat
from interlock.proxies.serving.program import Binary

SYSTEM_CAS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where distributions keep the CAs that everybody trusts."""
PROTOCOLS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
ORIGINAL_PROTOCOLS = "SSLv3 TLSv1 TLSv1.1 TLSv1.2"
"""What 1.4.5 wrote into every file that it made; nobody meant it."""

_CIPHERS = re.compile(r"[A-Za-z0-9!+:@=_-]+")
_SYSLOG = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")


def build_frame(settings: NginxSettings, binary: Binary, disk: Disk, *, most_open_files: int, https: bool) -> Frame:
    """Check and translate the settings; `most_open_files` is what a worker can be allowed where NGINX runs.

    Raises:
        PermanentError: one of them cannot be written into the configuration.
    """
    _check("NGINX_SSL_CIPHERS", settings.ssl_ciphers, _CIPHERS)
    if settings.syslog_addr:
        _check("NGINX_SYSLOG_ADDR", settings.syslog_addr, _SYSLOG)
    return Frame(
        control_socket=str(disk.control_socket),
        pid_file=str(disk.pid_file),
        temp_dir=str(disk.temp_dir),
        spare_temp_paths=spare_temp_paths(binary),
        http_port=settings.port,
        https_port=settings.ssl_port if https else 0,
        protocols=" ".join(_protocols(settings.ssl_protocols)),
        ciphers=settings.ssl_ciphers,
        http2_by_itself=binary.version >= HTTP2_BY_ITSELF,
        spares_idle_clients=binary.version >= SPARES_IDLE_CLIENTS,
        backend_ca=disk.within_reach(
            settings.ssl_backend_ca or next((path for path in SYSTEM_CAS if Path(path).is_file()), "")
        ),
        worker_processes=settings.worker_processes,
        max_connections=settings.max_conn,
        open_files=min(settings.rlimit_nofile, most_open_files),
        connect_timeout=settings.proxy_connect_timeout,
        send_timeout=settings.proxy_send_timeout,
        read_timeout=settings.proxy_read_timeout,
        client_timeout=settings.send_timeout,
        shutdown_timeout=settings.shutdown_timeout,
        buffering=settings.buffering,
        max_body=settings.max_body_size,
        syslog=settings.syslog_addr,
        json_log=settings.access_log_format is AccessLogFormat.JSON,
        trusted=tuple(_network("NGINX_TRUSTED_PROXIES", text) for text in settings.trusted_proxies),
        status_allow=tuple(_network("NGINX_STATUS_ALLOW", text) for text in settings.status_allow),
        has_status=STATUS_MODULE in binary.answer,
        unknown_status=_status(settings.unknown_host_status),
    )


def problems_of(settings: NginxSettings, identity: Identity | None) -> tuple[Problem, ...]:
    """Settings that are not heeded as they stand; `identity` is whom NGINX runs as, None for Interlock's own user."""
    problems = []
    if settings.ssl_protocols.split() == ORIGINAL_PROTOCOLS.split():
        what = "is the original's list, which has broken versions in it, so that TLSv1.2 and TLSv1.3 are served"
        problems.append(_problem("NGINX_SSL_PROTOCOLS", settings.ssl_protocols, what, "remove the setting"))
    if settings.user and identity is None:
        what = "is not heeded, since Interlock is not root: NGINX runs as Interlock's own user"
        problems.append(
            _problem("NGINX_USER", settings.user, what, "remove the setting, or run Interlock as that user")
        )
    return tuple(problems)


def _problem(key: str, value: str, what: str, fix: str) -> Problem:
    return Problem(container="", key=key, value=shown(value), what=what, fix=fix, severity=Severity.WARNING)


def _protocols(text: str) -> tuple[str, ...]:
    words = text.split()
    if words == ORIGINAL_PROTOCOLS.split():
        return PROTOCOLS[2:]
    unknown = [word for word in words if word not in PROTOCOLS]
    if unknown or not words:
        raise PermanentError(
            f"NGINX_SSL_PROTOCOLS={shown(text)} cannot be served", fix=f"name some of {' '.join(PROTOCOLS)}"
        )
    return tuple(words)


def _check(name: str, value: str, grammar: re.Pattern[str]) -> None:
    if not grammar.fullmatch(value):
        raise PermanentError(
            f"{name}={shown(value)} has a character that NGINX's configuration cannot hold",
            fix=f"use only {grammar.pattern}",
        )


def _network(name: str, text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError as error:
        raise PermanentError(f"{name}: {shown(text)} is not a network", fix="use CIDR, such as 10.0.0.0/8") from error


def _status(status: int) -> int:
    allowed = (404, 503)
    if status not in allowed:
        raise PermanentError(f"NGINX_UNKNOWN_HOST_STATUS={status} is not possible", fix="use 404 or 503")
    return status
