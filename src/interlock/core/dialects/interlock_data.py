"""The dialect of Interlock 0.x: the environment variable ``INTERLOCK_DATA``, and the engine's own names.

Decoded as Go's encoding/json did: keys in any case, the last duplicate wins, what follows the object is ignored, and a
value of the wrong type costs that key only. Beyond it, a value may contain ``=``, and nothing is lost in silence.
"""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from interlock.core.dialects import fields, interlock_labels, lb_labels
from interlock.core.dialects.draft import Draft, Name, Reading
from interlock.core.dialects.fields import Key, Kind
from interlock.core.dialects.near import report_unknown
from interlock.core.dialects.typed import Remark
from interlock.core.model import Container
from interlock.core.problems import Severity, shown

NAME = "INTERLOCK_DATA"
LENGTH = 65_536
"""Characters of a value that are read; a real one has a few hundred."""
DEPTH = 32
"""Brackets inside brackets that are read; a real value has two."""

_V0 = "0.3.3"
_NEW = "new"
_ROUTE = Severity.ERROR
KEYS = MappingProxyType(
    {
        "hostname": Key(fields.HOSTNAME, _V0, _ROUTE),
        "domain": Key(fields.DOMAIN, _V0, _ROUTE),
        "alias_domains": Key(fields.ALIASES, _V0),
        "port": Key(fields.PORT, _V0),
        "network": Key(fields.NETWORK, _NEW, _ROUTE),
        "context_root": Key(fields.PATH, _NEW, _ROUTE),
        "context_root_rewrite": Key(fields.REWRITE, _NEW),
        "ssl_only": Key(fields.SSL_ONLY, _V0),
        "ssl_backend": Key(fields.SSL_BACKEND, _V0),
        "ssl_backend_tls_verify": Key(fields.VERIFY, _V0, _ROUTE),
        "check": Key(fields.CHECK, _V0),
        "check_interval": Key(fields.INTERVAL, _V0),
        "backend_options": Key(fields.OPTIONS, _V0),
        "balance_algorithm": Key(fields.BALANCE, _V0),
        "ip_hash": Key(fields.IP_HASH, _NEW),
        "ssl": Key(fields.SSL, _V0),
        "ssl_certificate": Key(fields.CERTIFICATE, _V0),
        "ssl_certificate_key": Key(fields.CERTIFICATE_KEY, _V0),
        "websocket_endpoints": Key(fields.WEBSOCKETS, _V0),
        "warm": Key(fields.WARM, _V0),
        "ready": Key(fields.READY, _NEW),
        "retry": Key(fields.RETRY, _NEW),
        "slow_start": Key(fields.SLOW_START, _NEW),
        "locality": Key(fields.LOCALITY, _NEW),
        "weight": Key(fields.WEIGHT, _NEW),
    }
)
"""JSON key -> what it means. The original took 0 and an empty text of its own keys for "not given"."""

_NAMES = frozenset({"hostname", "domain"})
_EXAMPLE = 'INTERLOCK_DATA={"hostname": "www", "domain": "example.com"}'
_ORIGINS = MappingProxyType({name: f"{NAME}.{name}" for name in ("port", "network")})
_DOMAIN_FIX = 'add "domain": "example.com"'

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
"""Strings as a whole, so that brackets inside them do not count; possessive, hence linear."""
_LONGEST_INTEGER = 18
_PLAIN_INTEGER = re.compile(r"[0-9]{1,9}")
_TYPES: MappingProxyType[Kind, tuple[type, ...]] = MappingProxyType(
    {
        Kind.TEXT: (str,),
        Kind.INTEGER: (int,),
        Kind.FLAG: (bool,),
        Kind.TEXTS: (list,),
        Kind.FLAG_OR_TEXT: (bool, str),
    }
)


class _Given(NamedTuple):
    """A value of the right type, and the key that it was given under."""

    origin: str
    value: Any


def read(container: Container) -> Reading:
    """Read the variable of one container, or its engine's names where there is none."""
    draft = Draft(container, NAME, _ORIGINS)
    text = container.environment.get(NAME, "").strip(" \t\r\n")
    pairs, remark = _decode(text) if text else ((), None)
    given = _sort_out(draft, pairs)
    labels_ask = interlock_labels.asks(container) or lb_labels.asks(container)
    engine_asks = bool(container.domainname) and not labels_ask
    cost = Severity.WARNING if labels_ask or engine_asks else Severity.ERROR
    if remark is not None:
        draft.complain(NAME, text, remark, cost)
    if not (engine_asks or given.keys() & _NAMES):
        if given:
            what = "is missing, so what else INTERLOCK_DATA says is for no route"
            draft.complain(f"{NAME}.domain", "", Remark(what, _DOMAIN_FIX), cost)
        return draft.nothing()
    return _reading(draft, given, container)


def _reading(draft: Draft, given: Mapping[str, _Given], container: Container) -> Reading:
    hostname = _name(given, "hostname", Name("hostname", container.hostname))
    domain = _name(given, "domain", Name("domainname", container.domainname))
    if not domain.text:
        what = f"is missing, so the hostname {shown(hostname.text)} leads to no route"
        draft.complain(f"{NAME}.domain", "", Remark(what, _DOMAIN_FIX), Severity.ERROR)
        return draft.nothing()
    if "domain" in given and "hostname" not in given and hostname.text and hostname.text == container.id[:12]:
        host, short = shown(f"{hostname.text}.{domain.text}"), shown(domain.text)
        what = f"is missing, so the container's id stands in for it: the route is {host}"
        draft.complain(f"{NAME}.hostname", "", Remark(what, f'add "hostname": "www", or "{short}" for {short} itself'))
    _take(draft, given)
    return draft.reading(hostname, domain)


def _name(given: Mapping[str, _Given], name: str, engine: Name) -> Name:
    return Name(*given[name]) if name in given else engine


def _decode(text: str) -> tuple[tuple[Any, ...], Remark | None]:
    """The pairs of the object that the text begins with, in order, or what is wrong with it."""
    if text[0] in "'\"":
        return (), Remark(
            "begins with a quote, so it is not a JSON object",
            f"remove the quotes around the value: {_EXAMPLE}",
        )
    if len(text) > LENGTH:
        return (), Remark(f"is longer than {LENGTH} characters", "ask for less")
    if _depth(text) > DEPTH:
        return (), Remark(f"has more than {DEPTH} brackets inside brackets", "write one flat JSON object")
    try:
        value, _ = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        what = f"is not JSON: {error.msg} at character {error.pos + 1}"
        return (), Remark(what, f"write {_EXAMPLE}, with double quotes inside")
    if not isinstance(value, tuple):
        return (), Remark("is not a JSON object", f"write {_EXAMPLE}")
    return value, None


def _depth(text: str) -> int:
    """Brackets inside brackets of the value that the text begins with."""
    deepest = depth = 0
    for found in _BRACKETS.finditer(text):
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found[0] in "]}":
            depth -= 1
            if depth == 0:
                break
    return deepest


def _integer(text: str) -> int | float:
    """An int, or a float (which no key accepts) where one would take long to read."""
    return int(text) if len(text) <= _LONGEST_INTEGER else float(text)


_DECODER = json.JSONDecoder(object_pairs_hook=tuple, parse_int=_integer)


def _sort_out(draft: Draft, pairs: tuple[tuple[str, Any], ...]) -> dict[str, _Given]:
    """Keys that we know with values of their types, the last of each; the others are complained about, once each."""
    given: dict[str, _Given] = {}
    mistyped: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for spelled, value in pairs:
        name = spelled.lower()
        key = KEYS.get(name)
        if key is None:
            unknown[spelled] = value
        elif _is_of_type(value, key.field.kind):
            given[name] = _Given(f"{NAME}.{name}", value)
        elif value is not None:
            mistyped[name] = value
    for name, value in mistyped.items():
        key = KEYS[name]
        cost = key.cost if key.since == _NEW else Severity.WARNING
        remark = Remark(f"is not {key.field.kind}", _unquoted(name, key, value) or _fix(name, key))
        draft.complain(f"{NAME}.{name}", value, remark, cost)
    report_unknown(draft, unknown, KEYS, before=f"{NAME}.")
    return {name: told for name, told in given.items() if not _is_unset(KEYS[name], told.value)}


def _is_of_type(value: Any, kind: Kind) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind is not Kind.INTEGER or not isinstance(value, bool))


def _is_unset(key: Key, value: Any) -> bool:
    """Go's zero values, which the original could not tell from a key that is not there."""
    return key.since != _NEW and not isinstance(value, bool) and not value


def _take(draft: Draft, given: Mapping[str, _Given]) -> None:
    for name, key in KEYS.items():
        if name in _NAMES or name not in given:
            continue
        origin, value = given[name]
        if key.field.kind is Kind.TEXTS:
            draft.take_all(key.field, ((origin, item) for item in value), fix=_fix(name, key))
        else:
            draft.take(key.field, origin, value, fix=_fix(name, key), cost=key.cost)


def _fix(name: str, key: Key) -> str:
    example = [key.field.example] if key.field.kind is Kind.TEXTS else key.field.example
    return f'write "{name}": {json.dumps(example)}'


def _unquoted(name: str, key: Key, value: Any) -> str:
    """The fix for a number or a boolean in quotes; "" for any other value."""
    if key.field.kind is Kind.INTEGER and isinstance(value, str) and _PLAIN_INTEGER.fullmatch(value):
        return f'remove the quotes: "{name}": {value}'
    if key.field.kind is Kind.FLAG and value in ("true", "false"):
        return f'remove the quotes: "{name}": {value}'
    return ""
