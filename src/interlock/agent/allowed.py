"""What may be asked for: one table. Whatever is not in it is refused before anything reaches the engine.

The engine is never sent what a client wrote: a request is taken apart, each part is checked, and what the engine is
asked for is written anew from the parts.
"""

import enum
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

import msgspec

from interlock.core.problems import shown


class Kind(enum.Enum):
    """What is asked for, which says how the answer is made."""

    PING = enum.auto()
    VERSION = enum.auto()
    INFO = enum.auto()
    EVENTS = enum.auto()
    CONTAINERS = enum.auto()
    CONTAINER = enum.auto()
    NETWORKS = enum.auto()
    NETWORK = enum.auto()
    SERVICES = enum.auto()
    SERVICE = enum.auto()
    TASKS = enum.auto()
    TASK = enum.auto()
    NODES = enum.auto()
    NODE = enum.auto()


class Resource(NamedTuple):
    """One line of the table."""

    path: str
    """``{id}`` stands for an id or a name."""
    kind: Kind
    keys: tuple[str, ...] = ()
    """Of its query."""
    filters: tuple[str, ...] = ()
    """Keys of its ``filters``. One by label would tell by yes and no what the labels are that are not shown."""
    methods: tuple[str, ...] = ("GET",)


RESOURCES = (
    Resource("/_ping", Kind.PING, methods=("GET", "HEAD")),
    Resource("/version", Kind.VERSION),
    Resource("/info", Kind.INFO),
    Resource("/events", Kind.EVENTS, ("since", "until", "filters"), ("type", "event")),
    Resource("/containers/json", Kind.CONTAINERS, ("all", "filters"), ("id", "name", "status")),
    Resource("/containers/{id}/json", Kind.CONTAINER),
    Resource("/networks", Kind.NETWORKS, ("filters",), ("id", "name")),
    Resource("/networks/{id}", Kind.NETWORK),
    Resource("/services", Kind.SERVICES, ("filters",), ("id", "name")),
    Resource("/services/{id}", Kind.SERVICE),
    Resource("/tasks", Kind.TASKS, ("filters",), ("id", "service", "node", "desired-state")),
    Resource("/tasks/{id}", Kind.TASK),
    Resource("/nodes", Kind.NODES, ("filters",), ("id", "name")),
    Resource("/nodes/{id}", Kind.NODE),
)

SERVED = "GET of " + ", ".join(resource.path for resource in RESOURCES)

_ID = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}"
_VERSION = r"(?:/v[0-9]{1,2}\.[0-9]{1,3})?"
"""What may stand before each path; whether it speaks that version is for the engine to say."""
_PATTERNS = tuple(
    (re.compile(f"({_VERSION}{re.escape(resource.path).replace(re.escape('{id}'), _ID)})", re.ASCII), resource)
    for resource in RESOURCES
)
_VALUES = MappingProxyType(
    {
        "all": re.compile(r"0|1|true|false"),
        "since": re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?"),
        "until": re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?"),
    }
)
_BODY_HEADERS = ("Transfer-Encoding", "Upgrade", "Expect")
"""Each announces more than a plain question."""

_filters = msgspec.json.Decoder(dict[str, list[str] | dict[str, bool]])


class Call(msgspec.Struct, frozen=True):
    """A request that may be passed on."""

    kind: Kind
    target: str
    """Path and query for the engine."""


class Refusal(msgspec.Struct, frozen=True):
    """A request that may not."""

    what: str
    fix: str = f"ask for {SERVED}"

    @property
    def message(self) -> str:
        return f"interlock agent refuses this: {self.what} (fix: {self.fix})"


def examine(method: str, target: str, headers: Mapping[str, str]) -> Call | Refusal:
    """Judge a request by its method, its target as it stands in the request line, and its headers."""
    if method not in {"GET", "HEAD"}:
        return Refusal(f"{shown(method)} changes things, or may")
    if any(name in headers for name in _BODY_HEADERS) or headers.get("Content-Length", "0") != "0":
        return Refusal("it has a body, or asks for another protocol", fix="send neither")
    path, mark, query = target.partition("?")
    resource = next((resource for pattern, resource in _PATTERNS if pattern.fullmatch(path) is not None), None)
    if resource is None:
        return Refusal(f"{shown(path)} is not served")
    if method not in resource.methods:
        return Refusal(f"{method} of {resource.path} is not served")
    asked = _query(query, resource) if mark else {}
    return asked if isinstance(asked, Refusal) else Call(resource.kind, _written(path, asked))


def _query(query: str, resource: Resource) -> dict[str, str] | Refusal:
    """The parameters of a query, each checked."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except ValueError:
        return Refusal("its query is none", fix="write it as key=value&key=value")
    found: dict[str, str] = {}
    for key, text in pairs:
        if key not in resource.keys or key in found:
            allowed = f"one each of {', '.join(resource.keys)}" if resource.keys else "none"
            return Refusal(f"the query key {shown(key)} of {resource.path}", fix=f"it may have {allowed}")
        value = _checked_filters(text, resource) if key == "filters" else text
        if isinstance(value, Refusal):
            return value
        if key in _VALUES and _VALUES[key].fullmatch(value) is None:
            return Refusal(f"the value {shown(value)} of {key}", fix="write it as the Docker API does")
        found[key] = value
    return found


def _checked_filters(text: str, resource: Resource) -> str | Refusal:
    try:
        filters = _filters.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Refusal("its filters are no JSON of filters", fix='write them as {"key":["value"]}')
    for key in filters:
        if key not in resource.filters:
            allowed = ", ".join(resource.filters)
            return Refusal(f"the filter {shown(key)} of {resource.path}", fix=f"it may have {allowed}")
    return json.dumps({key: list(values) for key, values in filters.items()}, separators=(",", ":"))


def _written(path: str, query: Mapping[str, str]) -> str:
    pairs = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    return f"{path}?{pairs}" if pairs else path
