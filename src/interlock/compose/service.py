"""One service of a Compose file, typed; every form that any format of the file has for a thing."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from interlock.compose.interpolation import Fault
from interlock.core.model import Binding, Port
from interlock.core.problems import shown

MOST_PORTS = 1000
"""Ports of one service; a range may name 65,535."""
MOST_REPLICAS = 100

_PORTS = re.compile(
    r"(?:(?:(?P<ip>\[[0-9A-Fa-f:.]+\]|[0-9.]+):)?(?P<host>[0-9]{1,5}(?:-[0-9]{1,5})?)?:)?"
    r"(?P<target>[0-9]{1,5}(?:-[0-9]{1,5})?)(?:/(?P<protocol>tcp|udp|sctp))?"
)
_SECONDS = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_QUOTE_IT = "put single quotes around the whole of it"

Complain = Callable[[str, object, Fault], None]
"""Called with where in the service it is (``ports.0``), the value, and what is wrong with it."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service, as its containers will be created."""

    name: str
    line: int = 0
    """Where it begins in the file, from 1."""
    image: str = ""
    container_name: str = ""
    hostname: str = ""
    domainname: str = ""
    environment: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}
    """Of its containers."""
    deploy_labels: Mapping[str, str] = {}
    """Of the service in Docker's swarm mode; containers do not get them."""
    expose: tuple[Port, ...] = ()
    ports: tuple[Binding, ...] = ()
    """Published; host port 0 where the engine is to choose one."""
    networks: tuple[str, ...] = ()
    """Keys of the file's networks; () where it names none."""
    network_mode: str = ""
    """``host``, ``none``, ``service:web``, … or "" for networks."""
    has_healthcheck: bool = False
    """Of the file; an image may bring one of its own."""
    stop_signal: str = ""
    stop_timeout: int = 10
    replicas: int = 1
    profiles: tuple[str, ...] = ()


def typed_service(name: str, raw: Mapping[str, Any], *, line: int, complain: Complain) -> Service:
    """The service that a mapping of the file describes. Whatever can't be read is complained about, and left out."""
    deploy = _mapping(raw, "deploy")
    network_mode = _text(raw.get("network_mode") or raw.get("net"))
    return Service(
        name=name,
        line=line,
        image=_text(raw.get("image")),
        container_name=_text(raw.get("container_name")),
        hostname=_text(raw.get("hostname")),
        domainname=_text(raw.get("domainname")),
        environment=pairs(raw.get("environment"), "environment", complain),
        labels=pairs(raw.get("labels"), "labels", complain, alone=""),
        deploy_labels=pairs(deploy.get("labels"), "deploy.labels", complain, alone=""),
        expose=tuple(sorted({port for each in _items(raw, "expose") for port in _exposed(each, complain)})),
        ports=tuple(sorted({binding for each in _items(raw, "ports") for binding in _bindings(each, complain)})),
        networks=_networks(raw.get("networks")),
        network_mode="" if network_mode == "bridge" else network_mode,
        has_healthcheck=_checks(_mapping(raw, "healthcheck")),
        stop_signal=_text(raw.get("stop_signal")),
        stop_timeout=_seconds(_text(raw.get("stop_grace_period"))),
        replicas=_replicas(raw.get("scale", deploy.get("replicas"))),
        profiles=tuple(_text(each) for each in _items(raw, "profiles")),
    )


def pairs(raw: Any, where: str, complain: Complain, *, alone: str | None = None) -> dict[str, str]:
    """A list of ``name=value`` or a mapping. A name without a value is left out, or has the value `alone`."""
    found: dict[str, str] = {}
    for number, item in enumerate(raw if isinstance(raw, list) else ()):
        if isinstance(item, dict | list):
            what = "is read as a mapping, since it has a colon and a space in it"
            complain(f"{where}.{number}", item, Fault(what, f'{_QUOTE_IT}: - \'NAME={{"key": "value"}}\''))
            continue
        name, equals, value = _text(item).partition("=")
        if equals or alone is not None:
            found[name] = value if equals else alone or ""
    for name, value in (raw if isinstance(raw, dict) else {}).items():
        if isinstance(value, dict | list):
            what = "is a mapping or a list, and has to be one text"
            complain(f"{where}.{name}", value, Fault(what, f'{_QUOTE_IT}: {name}: \'{{"key": "value"}}\''))
        elif value is not None or alone is not None:
            found[name] = _text(value)
    return found


def unset_names(raw: Any) -> list[str]:
    """Names of an ``environment`` that take their value from where Compose runs."""
    if isinstance(raw, dict):
        return [name for name, value in raw.items() if value is None]
    return [item for item in raw if isinstance(item, str) and "=" not in item] if isinstance(raw, list) else []


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _items(raw: Mapping[str, Any], key: str) -> list[Any]:
    """The items of a list; one value stands for a list of one."""
    value = raw.get(key)
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _exposed(raw: Any, complain: Complain) -> Iterable[Port]:
    found = _PORTS.fullmatch(_text(raw))
    if found is None or found["host"] or found["ip"]:
        complain("expose", raw, Fault("is no port of a container", 'write one number, like expose: ["8080"]'))
        return
    for number in _range(found["target"], complain):
        yield Port(number, found["protocol"] or "tcp")


def _bindings(raw: Any, complain: Complain) -> Iterable[Binding]:
    """The short form, ``127.0.0.1:8080:80/tcp``, and the long one, a mapping."""
    if isinstance(raw, dict):
        ip, published, target = _text(raw.get("host_ip")), _text(raw.get("published")), _text(raw.get("target"))
        short = f"{f'{ip}:' if ip else ''}{f'{published}:' if published or ip else ''}{target}"
        raw = f"{short}/{_text(raw.get('protocol')) or 'tcp'}"
    found = _PORTS.fullmatch(_text(raw))
    if found is None:
        what = "is no port to publish"
        complain("ports", raw, Fault(what, 'write "CONTAINER" or "HOST:CONTAINER", like ports: ["8080:80"]'))
        return
    targets = _range(found["target"], complain)
    hosts = _range(found["host"], complain) if found["host"] else []
    for number, inside in enumerate(targets):
        port = hosts[number] if len(hosts) == len(targets) else hosts[0] if hosts else 0
        ip = (found["ip"] or "0.0.0.0").strip("[]")  # noqa: S104 - as an engine reports it
        yield Binding(inside, found["protocol"] or "tcp", ip, port)


def _range(text: str, complain: Complain) -> list[int]:
    first, _, last = text.partition("-")
    start, end = int(first), int(last or first)
    if not 0 < start <= end <= 65535 or end - start >= MOST_PORTS:  # noqa: PLR2004 - the highest port
        complain("ports", text, Fault("is no range of ports", f"use 1 to 65535, at most {MOST_PORTS} at once"))
        return []
    return list(range(start, end + 1))


def _networks(raw: Any) -> tuple[str, ...]:
    names = raw if isinstance(raw, list | dict) else ()
    return tuple(sorted(shown(_text(name)) for name in names))


def _checks(raw: Mapping[str, Any]) -> bool:
    test = raw.get("test")
    return bool(test) and raw.get("disable") is not True and test not in (["NONE"], "NONE")


def _seconds(text: str) -> int:
    found = _SECONDS.fullmatch(text)
    if not text or found is None:
        return 10
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _replicas(raw: Any) -> int:
    return min(max(raw, 0), MOST_REPLICAS) if isinstance(raw, int) else 1
