"""The grammar of every option: from a text, number or flag that a container gave to a typed value.

A grammar answers with a :class:`Typed` and never raises; what it accepts is all that a proxy ever sees.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from interlock.core.dialects import names
from interlock.core.dialects.typed import Remark, Typed, refused
from interlock.core.model import Balance, CheckKind, HealthCheck, Ready, Retry, Verify
from interlock.core.problems import shown

W = TypeVar("W")

TEXT_LENGTH = 1024
"""Characters of any option that is a word; what is longer is refused before it is looked at."""
INTERVAL_LIMITS = (100, 3_600_000)
"""Milliseconds: faster is a load of its own, slower than an hour is no check."""
SLOW_START_LIMIT = 3600
"""Seconds; ours, an hour is ample."""
WEIGHT_LIMIT = 256
"""HAProxy's largest server weight."""

BACKEND_OPTIONS = MappingProxyType(
    {
        "abortonclose": "drops a queued request whose client has gone",
        "allbackups": "uses all backup servers at once",
        "forwardfor": "adds X-Forwarded-For",
        "http-buffer-request": "waits for the request's body before a server is chosen",
        "http-keep-alive": "keeps connections open on both sides",
        "http-no-delay": "sends every piece of a response at once",
        "http-pretend-keepalive": "suits servers that misread Connection: close",
        "http-server-close": "closes the server's side after each response",
        "httpclose": "closes both sides after each response",
        "independent-streams": "lets the timeouts of both directions run apart",
        "log-health-checks": "logs every change that a health check finds",
        "originalto": "adds X-Original-To",
        "persist": "sends a client with a cookie to its server even when that is down",
        "prefer-last-server": "keeps a client's next request on the same server where it can",
        "srvtcpka": "turns on TCP keep-alive towards the servers",
        "tcp-smart-connect": "saves a packet on connecting to a server",
        "tcpka": "turns on TCP keep-alive",
    }
)
"""HAProxy options that a container may set for its backend, and what each does.

All take no argument, exist in 2.6 up to 3.x and concern nobody but their own backend. What is left out on purpose:
``transparent`` (connects anywhere), ``accept-invalid-*`` (request smuggling), ``nolinger`` (cuts responses),
``checkcache`` (turns answers into 502), ``splice-*`` (depends on how HAProxy was built), log and frontend options.
"""
NGINX_OPTION = re.compile(r"keepalive (?P<count>[1-9][0-9]{0,3})")
"""NGINX's line of an upstream block that a container may set: how many idle connections each worker keeps to it."""
METHOD_OPTIONS = MappingProxyType(
    {"ip_hash": Balance.SOURCE, "least_conn": Balance.LEASTCONN, "random": Balance.RANDOM}
)
"""NGINX's lines of an upstream block that choose an algorithm, which every proxy understands."""
REPLACED_OPTIONS = MappingProxyType({"forceclose": "httpclose"})
"""Options that HAProxy 2.0 removed, with the one that does the same."""
IMPLIED_OPTIONS = frozenset({"redispatch"})
"""What every backend has anyway; written out it would only weaken ours (``redispatch 1``)."""

_REPLACED_BALANCE = MappingProxyType({"static-rr": Balance.ROUNDROBIN})
"""Algorithms that cannot take a server at run time, with the dynamic one that does the same."""

_VERIFY = MappingProxyType({"none": Verify.NONE, "required": Verify.REQUIRED, "all": Verify.REQUIRED})

_PLAIN_CHECKS = MappingProxyType(
    {
        "tcp-check": CheckKind.TCP,
        "ssl-hello-chk": CheckKind.SSL_HELLO,
        "smtpchk": CheckKind.SMTP,
        "ldap-check": CheckKind.LDAP,
        "redis-check": CheckKind.REDIS,
        "none": CheckKind.NONE,
        "false": CheckKind.NONE,
    }
)
_HTTP_CHECK = re.compile(r"httpchk(?: (?:(?P<method>[A-Za-z]+) )?(?P<uri>/\S*)(?: (?P<rest>HTTP/1\..*))?)?")
_HTTP_VERSION = re.compile(r"(?P<version>HTTP/1\.[01])(?:\\r\\n[Hh]ost:(?:\\? )?(?P<host>\S+))?")
"""The second half is how a Host header was smuggled in before HAProxy 2.2: ``HTTP/1.1\\r\\nHost:\\ name``."""
_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CHECK_FIX = "write httpchk GET /health, or a path like /health, or one of " + ", ".join(sorted(_PLAIN_CHECKS))

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}")
_NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")
"""An engine by the operator's name for it, or a node by its host name."""
_FLAGS = MappingProxyType(
    {"": True, "true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
)


def integer(text: str) -> Typed[int]:
    """Read a whole number out of a label; spaces count as mistakes, as they did to the original."""
    return Typed(int(text)) if _INTEGER.fullmatch(text) else refused("is not a whole number")


def flag(text: str) -> Typed[bool]:
    """Read a yes or no out of a label; no text at all means yes, since the original asked for presence only."""
    known = _FLAGS.get(text.lower()) if len(text) <= TEXT_LENGTH else None
    return Typed(known) if known is not None else refused("is neither true nor false")


def as_given(value: bool) -> Typed[bool]:  # noqa: FBT001 - a grammar has one positional value
    """A flag that is one already."""
    return Typed(value)


def name_part(text: str) -> Typed[str]:
    """A hostname or a domain; both are checked when they are joined, where it shows what host they make."""
    return Typed(text) if text else Typed()


def port(number: int) -> Typed[int]:
    """A container's port."""
    return _within(number, 1, 65535)


def interval(milliseconds: int) -> Typed[int]:
    """Pause between two health checks."""
    return _within(milliseconds, *INTERVAL_LIMITS)


def weight(number: int) -> Typed[int]:
    """Share of traffic relative to the other servers; 0 takes nobody new."""
    return _within(number, 0, WEIGHT_LIMIT)


def ready(text: str) -> Typed[Ready]:
    """What the container's HEALTHCHECK means for its traffic."""
    return _word(text, {str(word): word for word in Ready}) if text else Typed()


def retry(text: str) -> Typed[Retry]:
    """Which requests are made again when a server failed them."""
    return _word(text, {str(word): word for word in Retry}) if text else Typed()


def slow_start(seconds: int) -> Typed[int]:
    """Time until a server that comes in has its full share; 0 gives it at once."""
    return _within(seconds, 0, SLOW_START_LIMIT)


def locality(text: str) -> Typed[tuple[str, ...]]:
    """Names of engines or of a swarm's nodes, whose containers come first; ``off`` for none, whoever else is asked."""
    if not text:
        return Typed()
    places = [place.strip(" ") for place in text.split(",")] if len(text) <= TEXT_LENGTH else []
    if not places or not all(map(_PLACE.fullmatch, places)):
        return refused("is neither off nor names with commas between")
    return Typed(() if places == ["off"] else tuple(sorted(set(places))))


def verify(text: str) -> Typed[Verify]:
    """Whether the backend's certificate is checked; ``all`` is what the original documented for ``required``."""
    return _word(text, _VERIFY) if text else Typed()


def network(text: str) -> Typed[str]:
    """Name of a Docker network."""
    if not text:
        return refused("is empty", "name the network, as `docker network ls` shows it")
    return Typed(text) if _NETWORK.fullmatch(text) else refused("is no name that a Docker network can have")


def certificate(text: str) -> Typed[str]:
    """A file's name inside the operator's certificate directory; no path leads out of there."""
    if not text:
        return Typed()
    if _FILE_NAME.fullmatch(text) is None or ".." in text:
        return refused("is not a plain file name", "name a file of the certificate directory, like www.pem")
    return Typed(text)


def prefix(text: str) -> Typed[str]:
    """A context root; an empty one is the root."""
    return names.path(text) if text else Typed()


def endpoint(text: str) -> Typed[str]:
    """A path that speaks websocket."""
    return names.path(text) if text else refused("is empty")


def warm(asked: str | bool) -> Typed[str]:  # noqa: FBT001 - a grammar has one positional value
    """Path of the first request to a container: true is ``/``, false or nothing is none."""
    if isinstance(asked, bool) or not asked.startswith("/"):
        wanted = Typed(asked) if isinstance(asked, bool) else flag(asked)
        if wanted.value is None:
            return refused("is neither true, false nor a path", "write true, or a path like /ready")
        return Typed("/") if wanted.value else Typed()
    return names.uri(asked)


def balance(text: str) -> Typed[Balance]:
    """How a backend chooses a server."""
    if not text:
        return Typed()
    if (other := _REPLACED_BALANCE.get(text.lower())) is not None:
        what = f"cannot take a server without a reload; {other}, which shares out alike, is used instead"
        return Typed(other, Remark(what, f"write {other}"))
    return _word(text, {str(word): word for word in Balance})


def backend_option(text: str) -> Typed[str | HealthCheck]:
    """One option of a backend; a health check or an algorithm may be hidden among them, as it might in the original.

    NGINX's may end in the semicolon that they needed in 1.4.5.
    """
    word = text.strip(" ").removesuffix(";").rstrip(" ").lower() if len(text) <= TEXT_LENGTH else ""
    if word in BACKEND_OPTIONS or NGINX_OPTION.fullmatch(word):
        return Typed(word)
    if (method := METHOD_OPTIONS.get(word)) is not None:
        return Typed(method)
    if word in IMPLIED_OPTIONS:
        return Typed()
    if (other := REPLACED_OPTIONS.get(word)) is not None:
        return Typed(
            other, Remark(f"was removed from HAProxy; {other} does the same and is used instead", f"write {other}")
        )
    if word.partition(" ")[0] in {"httpchk", *_PLAIN_CHECKS} and word not in {"none", "false"}:
        return check(text)
    known = (*BACKEND_OPTIONS, *METHOD_OPTIONS, "keepalive 16")
    return refused("is not an option that a container may set", f"use one of {', '.join(known)}")


def check(text: str) -> Typed[HealthCheck]:
    r"""Read a health check, as HAProxy's ``option`` line had it.

    ``httpchk``, ``httpchk URI``, ``httpchk METHOD URI [HTTP/1.0|HTTP/1.1]`` with HAProxy's defaults (OPTIONS, /,
    HTTP/1.0), also with the old ``HTTP/1.1\r\nHost:\ name``; a bare path is a GET; or the name of another check.
    """
    if len(text) > TEXT_LENGTH:
        return refused(f"is longer than {TEXT_LENGTH} characters")
    line = re.sub(" +", " ", text).strip(" ")
    if not line:
        return Typed()
    if line.startswith("/"):
        path = names.uri(line)
        return Typed(HealthCheck(kind=CheckKind.HTTP, uri=path.value)) if path.value else Typed(None, path.remark)
    if (kind := _PLAIN_CHECKS.get(line.lower())) is not None:
        return Typed(HealthCheck(kind=kind))
    if (parts := _HTTP_CHECK.fullmatch(line)) is None:
        return refused("is no health check that a container may ask for", _CHECK_FIX)
    return _http_check(parts["method"] or "OPTIONS", parts["uri"] or "/", parts["rest"] or "HTTP/1.0")


def _http_check(method: str, uri: str, rest: str) -> Typed[HealthCheck]:
    if method.upper() not in _METHODS:
        return refused(f"asks with {shown(method)}", f"ask with one of {', '.join(sorted(_METHODS))}")
    path = names.uri(uri)
    if path.value is None:
        return Typed(None, path.remark)
    version = _HTTP_VERSION.fullmatch(rest)
    if version is None:
        return refused("has more after its path than a version and a Host header", _CHECK_FIX)
    host = names.host(version["host"]) if version["host"] else Typed("")
    if host.value is None or host.value.startswith("*"):
        return refused("names a Host header that is no host name", r"write HTTP/1.1\r\nHost:\ www.example.com")
    asked = HealthCheck(
        kind=CheckKind.HTTP, method=method.upper(), uri=path.value, version=version["version"], host=host.value
    )
    return Typed(asked, host.remark)


def _within(number: int, least: int, most: int) -> Typed[int]:
    return Typed(number) if least <= number <= most else refused(f"is not between {least} and {most}")


def _word(text: str, words: Mapping[str, W]) -> Typed[W]:
    known = words.get(text.strip(" ").lower()) if len(text) <= TEXT_LENGTH else None
    choices = ", ".join(words)
    return Typed(known) if known is not None else refused("is not a word that goes here", f"write one of {choices}")
