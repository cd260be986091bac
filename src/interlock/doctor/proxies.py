"""Whether a proxy can run: its program, its ports, its certificates and its open files."""

from collections.abc import Callable, Collection
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from interlock.core.model import Container, RouteTable
from interlock.core.problems import InterlockError, shown
from interlock.doctor.certificates import check_certificates
from interlock.doctor.check import Check, failed, well
from interlock.doctor.machine import check_open_files
from interlock.doctor.ports import check_port
from interlock.proxies.haproxy.binary import PROGRAM as HAPROXY
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.proxies.nginx.binary import PROGRAM as NGINX
from interlock.proxies.nginx.settings import NginxSettings
from interlock.proxies.serving.program import Program, find
from interlock.settings import PluginSettings, Settings


class Needs(NamedTuple):
    """What a proxy asks of the machine, by its settings."""

    program: Program
    ports: tuple[tuple[str, int], ...]
    """Names of settings and their ports; those for HTTPS only where there are certificates."""
    certificates: tuple[str, str]
    """Name of the setting, and the file or folder; "" for none."""
    open_files: tuple[str, int]
    """Name of the setting that decides, and how many there will be."""


def _of_haproxy(settings: HaproxySettings) -> Needs:
    """HAProxy has two sockets for each connection, and some hundred of its own."""
    https = (("HAPROXY_SSL_PORT", settings.ssl_port),) if settings.ssl_cert and settings.ssl_port else ()
    return Needs(
        program=HAPROXY,
        ports=(("HAPROXY_PORT", settings.port), *https),
        certificates=("HAPROXY_SSL_CERT", settings.ssl_cert),
        open_files=("HAPROXY_MAX_CONN", 2 * settings.max_conn + 100),
    )


def _of_nginx(settings: NginxSettings) -> Needs:
    """NGINX counts the connections to containers among those of its setting."""
    has_any = Path(settings.ssl_cert_dir).is_dir() and any(Path(settings.ssl_cert_dir).iterdir())
    https = (("NGINX_SSL_PORT", settings.ssl_port),) if has_any and settings.ssl_port else ()
    return Needs(
        program=NGINX,
        ports=(("NGINX_PORT", settings.port), *https),
        certificates=("NGINX_SSL_CERT_DIR", settings.ssl_cert_dir if has_any else ""),
        open_files=("NGINX_MAX_CONN", settings.max_conn + 100),
    )


NEEDS: MappingProxyType[str, Callable[[Any], Needs]] = MappingProxyType({"haproxy": _of_haproxy, "nginx": _of_nginx})
"""Plugin -> what it needs; of a third party's nothing is known."""


async def check_proxy(
    plugin: PluginSettings, settings: Settings, *, containers: Collection[Container], table: RouteTable
) -> list[Check]:
    """Everything about one proxy; nothing about a plugin that is none of ours."""
    if plugin.name not in NEEDS:
        return []
    needs = NEEDS[plugin.name](plugin.options)
    ours = (f"{settings.state_dir}/", f"{settings.run_dir}/")
    setting, source = needs.certificates
    certificates = check_certificates(setting, source, table) if source else []
    if settings.external_dir:  # they run in containers, with programs, ports and limits of their own
        return certificates
    checks = [await _program(needs.program, getattr(plugin.options, "binary", ""))]
    checks += [check_port(setting, port, containers, ours) for setting, port in needs.ports]
    setting, count = needs.open_files
    return [*checks, *certificates, check_open_files(plugin.name, count, setting)]


async def _program(program: Program, path: str) -> Check:
    about = f"program {program.name}"
    try:
        found = await find(program, path)
    except InterlockError as error:
        return failed(about, error)
    return well(about, f"{shown(found.banner)} at {shown(found.path, length=500)}")
