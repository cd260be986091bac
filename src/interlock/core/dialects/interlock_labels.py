"""The dialect of Interlock 1.x: container labels ``interlock.*``.

Keys are exact, where the original looked for some of them anywhere in a label's name; booleans have values, where the
original asked for presence only. A port, path or network that cannot be read costs the route, as there.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from interlock.core.dialects import fields, values
from interlock.core.dialects.draft import Draft, Name, Reading
from interlock.core.dialects.fields import Field, Key, Kind
from interlock.core.dialects.near import report_unknown
from interlock.core.dialects.typed import Remark, Typed
from interlock.core.model import Container
from interlock.core.problems import Severity, shown

NAME = "interlock labels"
PREFIX = "interlock."
DEFAULT_DOMAIN = "local"
"""Domain of a container that names only its hostname; the original's."""

_V1 = "1.4.5"
_NEW = "new"
_ROUTE = Severity.ERROR
KEYS = MappingProxyType(
    {
        "hostname": Key(fields.HOSTNAME, _V1, _ROUTE, may_be_empty=False),
        "domain": Key(fields.DOMAIN, _V1, _ROUTE, may_be_empty=False),
        "alias_domain": Key(fields.ALIASES, _V1, may_be_empty=False),
        "port": Key(fields.PORT, _V1, _ROUTE, may_be_empty=False),
        "network": Key(fields.NETWORK, _V1, _ROUTE, may_be_empty=False),
        "context_root": Key(fields.PATH, _V1, _ROUTE),
        "context_root_rewrite": Key(fields.REWRITE, _V1),
        "ssl_only": Key(fields.SSL_ONLY, _V1, _ROUTE),
        "ssl_backend": Key(fields.SSL_BACKEND, _V1, _ROUTE),
        "ssl_backend_tls_verify": Key(fields.VERIFY, _V1, _ROUTE),
        "health_check": Key(fields.CHECK, _V1),
        "health_check_interval": Key(fields.INTERVAL, _V1),
        "backend_option": Key(fields.OPTIONS, _V1),
        "balance_algorithm": Key(fields.BALANCE, _V1),
        "ip_hash": Key(fields.IP_HASH, _V1),
        "ssl": Key(fields.SSL, _V1),
        "ssl_cert": Key(fields.CERTIFICATE, _V1),
        "ssl_cert_key": Key(fields.CERTIFICATE_KEY, _V1),
        "websocket_endpoint": Key(fields.WEBSOCKETS, _V1),
        "warm": Key(fields.WARM, _NEW),
        "ready": Key(fields.READY, _NEW),
        "retry": Key(fields.RETRY, _NEW),
        "slow_start": Key(fields.SLOW_START, _NEW),
        "locality": Key(fields.LOCALITY, _NEW),
        "weight": Key(fields.WEIGHT, _NEW),
    }
)
"""Label name after ``interlock.`` -> what it means. Those of lists may end in ``.anything``, to have several."""

_INTERNAL = re.compile(r"interlock\.(?:app|ext(?:\..*)?)", re.DOTALL)
"""Labels of Interlock's own containers and of its proxies."""
_ORIGINS = MappingProxyType({name: f"label {PREFIX}{name}" for name in ("port", "network")})
_NAMES = frozenset({fields.HOSTNAME, fields.DOMAIN})
_OUT_OF_TEXT: Mapping[Kind, Callable[[str], Typed[Any]]] = MappingProxyType(
    {Kind.INTEGER: values.integer, Kind.FLAG: values.flag}
)
"""What makes the kind that a grammar reads out of a label's text."""


def internal_label(container: Container) -> str | None:
    """The label that marks one of Interlock's own containers, or a proxy of the original's."""
    return min((label for label in container.labels if _INTERNAL.fullmatch(label)), default=None)


def asks(container: Container) -> bool:
    """Whether its labels ask for a route, well or badly."""
    return any(_name_of(label) is not None for label in container.labels)


def read(container: Container) -> Reading:
    """Read the labels of one container."""
    draft = Draft(container, NAME, _ORIGINS)
    ours = {label: text for label, text in container.labels.items() if label.lower().startswith(PREFIX)}
    named = {label: name for label in ours if (name := _name_of(label)) is not None}
    unknown = {label: text for label, text in ours.items() if label not in named and not _INTERNAL.fullmatch(label)}
    report_unknown(draft, unknown, [f"{PREFIX}{name}" for name in KEYS], before="label ")
    if not named or not _has_names(draft, ours):
        return draft.nothing()
    for name, key in KEYS.items():
        if key.field.kind is Kind.TEXTS:
            labels = sorted(label for label, known in named.items() if known == name)
            draft.take_all(
                key.field, ((f"label {shown(label)}", ours[label]) for label in labels), fix=_fix(name, key.field)
            )
        elif (text := ours.get(f"{PREFIX}{name}")) is not None and key.field not in _NAMES:
            _take(draft, name, key, text)
    return draft.reading(
        Name(f"label {PREFIX}hostname", ours[f"{PREFIX}hostname"]),
        Name(f"label {PREFIX}domain", ours.get(f"{PREFIX}domain", DEFAULT_DOMAIN)),
    )


def _name_of(label: str) -> str | None:
    """Our word for a label, None if it is not exactly one of ours."""
    if not label.startswith(PREFIX):
        return None
    name = label[len(PREFIX) :]
    base, _, suffix = name.partition(".")
    if suffix and base in KEYS and KEYS[base].field.kind is Kind.TEXTS:
        return base
    return name if name in KEYS else None


def _has_names(draft: Draft, labels: Mapping[str, str]) -> bool:
    """Whether there is a host to route, with a complaint if not: the other labels ask for nothing by themselves."""
    hostname, domain = f"{PREFIX}hostname", f"{PREFIX}domain"
    if hostname not in labels:
        remark = Remark("is missing, and it is what asks for a route", f"add the label {hostname}=www")
        draft.complain(f"label {hostname}", "", remark, Severity.ERROR)
    elif not labels[hostname]:
        draft.complain(f"label {hostname}", "", Remark("is empty", f"write {hostname}=www"), Severity.ERROR)
    elif not labels.get(domain, DEFAULT_DOMAIN):
        fix = f"write {domain}=example.com, or remove it to have the domain {DEFAULT_DOMAIN}"
        draft.complain(f"label {domain}", "", Remark("is empty", fix), Severity.ERROR)
    else:
        return True
    return False


def _take(draft: Draft, name: str, key: Key, text: str) -> None:
    origin, fix = f"label {PREFIX}{name}", _fix(name, key.field)
    if not text and key.field.kind in {Kind.TEXT, Kind.INTEGER} and key.may_be_empty:
        return
    read_kind = _OUT_OF_TEXT.get(key.field.kind, _as_it_is)
    typed = read_kind(text)
    if typed.remark is not None:
        draft.complain(origin, text, Remark(typed.remark.what, fix), key.cost)
    else:
        draft.take(key.field, origin, typed.value, fix=fix, cost=key.cost)


def _as_it_is(text: str) -> Typed[Any]:
    return Typed(text)


def _fix(name: str, field: Field) -> str:
    example = field.example
    return f"write {PREFIX}{name}={str(example).lower() if isinstance(example, bool) else example}"
