"""The dialect of Interlock 2 and 3 (Docker EE, Mirantis): labels ``com.docker.lb.*`` of swarm services.

As in their documentation; what it has and Interlock cannot do is told, with what to do instead.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from interlock.core.dialects import fields, values
from interlock.core.dialects.draft import Draft, Name, Reading
from interlock.core.dialects.fields import Key, Kind
from interlock.core.dialects.near import report_unknown
from interlock.core.dialects.typed import Remark, Typed
from interlock.core.model import Container
from interlock.core.problems import Severity

NAME = "com.docker.lb labels"
PREFIX = "com.docker.lb."
HOSTS = "hosts"
"""A list with commas: what asks for a route. The first is the primary host."""
MODE = "backend_mode"
MODES = ("task", "vip")

_V2 = "2.0"
_ROUTE = Severity.ERROR
KEYS = MappingProxyType(
    {
        "hosts": Key(fields.ALIASES, _V2, _ROUTE, may_be_empty=False),
        "port": Key(fields.PORT, _V2, _ROUTE, may_be_empty=False),
        "network": Key(fields.NETWORK, _V2, _ROUTE, may_be_empty=False),
        "context_root": Key(fields.PATH, _V2, _ROUTE),
        "context_root_rewrite": Key(fields.REWRITE, _V2),
        "ssl_only": Key(fields.SSL_ONLY, _V2, _ROUTE),
        "ssl_cert": Key(fields.CERTIFICATE, _V2),
        "ssl_key": Key(fields.CERTIFICATE_KEY, _V2),
        "ssl_backend": Key(fields.SSL_BACKEND, _V2, _ROUTE),
        "ssl_backend_tls_verify": Key(fields.VERIFY, _V2, _ROUTE),
        "websocket_endpoints": Key(fields.WEBSOCKETS, _V2),
        "ip_hash": Key(fields.IP_HASH, _V2),
    }
)
"""Label name after ``com.docker.lb.`` -> what it means. Lists are written with commas."""

UNSERVED = MappingProxyType(
    {
        "ssl_passthrough": Remark(
            "would pass TLS on unread, and Interlock reads what it routes", "give the host's certificate with ssl_cert"
        ),
        "service_cluster": Remark(
            "chooses one of several proxies, and an Interlock serves all that it sees",
            "let another Interlock watch other engines, or leave it out",
        ),
        "sticky_session_cookie": Remark(
            "would keep a client by its cookie", "keep it by its address: com.docker.lb.ip_hash=true"
        ),
        "redirects": Remark("is not served", "let the application redirect, or use a template of your own"),
        "default_backend": Remark(
            "would take every host that nobody else asks for, and those are answered 404",
            "name the hosts; *.example.com takes every name below example.com",
        ),
        "max_fails": Remark(
            "counts failures of requests, and the proxy checks each server by itself",
            "set interlock.health_check, or leave it out",
        ),
        "fail_timeout": Remark(
            "counts failures of requests, and the proxy checks each server by itself",
            "set interlock.health_check_interval, or leave it out",
        ),
    }
)
"""Labels that Interlock 2 and 3 had and this one does not serve -> what is told of them."""

_OFF = frozenset({"", "false", "0", "no", "off"})
_ORIGINS = MappingProxyType({name: f"label {PREFIX}{name}" for name in ("port", "network")})
_OUT_OF_TEXT: Mapping[Kind, Callable[[str], Typed[Any]]] = MappingProxyType(
    {Kind.INTEGER: values.integer, Kind.FLAG: values.flag}
)


def asks(container: Container) -> bool:
    """Whether its labels ask for a route, well or badly."""
    return f"{PREFIX}{HOSTS}" in container.labels


def read(container: Container) -> Reading:
    """Read the labels of one container."""
    draft = Draft(container, NAME, _ORIGINS)
    ours = {label: text for label, text in container.labels.items() if label.lower().startswith(PREFIX)}
    known = {f"{PREFIX}{name}" for name in (*KEYS, *UNSERVED, MODE)}
    report_unknown(draft, {label: ours[label] for label in ours if label not in known}, sorted(known), before="label ")
    _tell_what_is_not_served(draft, ours)
    if not ours.keys() & known:
        return draft.nothing()
    hosts = [part.strip() for part in ours.get(f"{PREFIX}{HOSTS}", "").split(",") if part.strip()]
    if not hosts:
        remark = Remark("names no host, and that is what asks for a route", f"write {PREFIX}{HOSTS}=www.example.com")
        draft.complain(f"label {PREFIX}{HOSTS}", ours.get(f"{PREFIX}{HOSTS}", ""), remark, Severity.ERROR)
        return draft.nothing()
    for name, key in KEYS.items():
        if name != HOSTS and (text := ours.get(f"{PREFIX}{name}")) is not None:
            _take(draft, name, key, text)
    if ours.get(f"{PREFIX}ssl_cert"):
        draft.take(fields.SSL, f"label {PREFIX}ssl_cert", value=True, fix="", cost=Severity.WARNING)
    origin = f"label {PREFIX}{HOSTS}"
    draft.take_all(fields.ALIASES, ((origin, host) for host in hosts[1:]), fix=f"write {PREFIX}{HOSTS}=www.example.com")
    return draft.reading(Name(origin, ""), Name(origin, hosts[0]))


def _tell_what_is_not_served(draft: Draft, ours: Mapping[str, str]) -> None:
    for name, remark in UNSERVED.items():
        text = ours.get(f"{PREFIX}{name}", "")
        if text.strip().lower() not in _OFF:
            cost = Severity.ERROR if name == "ssl_passthrough" else Severity.WARNING
            draft.complain(f"label {PREFIX}{name}", text, remark, cost)
    mode = ours.get(f"{PREFIX}{MODE}", MODES[0])
    if mode.strip().lower() not in MODES:
        remark = Remark("is neither task nor vip; each task is a server", f"write {PREFIX}{MODE}=task")
        draft.complain(f"label {PREFIX}{MODE}", mode, remark)


def _take(draft: Draft, name: str, key: Key, text: str) -> None:
    origin, fix = f"label {PREFIX}{name}", _fix(name, key)
    if key.field.kind is Kind.TEXTS:
        items = [part.strip() for part in text.split(",") if part.strip()]
        draft.take_all(key.field, ((origin, item) for item in items), fix=fix)
        return
    if not text and key.may_be_empty and key.field.kind is Kind.TEXT:
        return
    read_kind = _OUT_OF_TEXT.get(key.field.kind)
    typed: Typed[Any] = read_kind(text) if read_kind is not None else Typed(text)
    if typed.remark is not None:
        draft.complain(origin, text, Remark(typed.remark.what, fix), key.cost)
    else:
        draft.take(key.field, origin, typed.value, fix=fix, cost=key.cost)


def _fix(name: str, key: Key) -> str:
    example = key.field.example
    return f"write {PREFIX}{name}={str(example).lower() if isinstance(example, bool) else example}"
