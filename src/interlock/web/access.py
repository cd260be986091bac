"""Who asks, and what they may: checked before any handler is called."""

import hmac
import ipaddress
import re
from typing import Protocol

import msgspec
from aiohttp import web

from interlock.web.endpoint import Right

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FOREIGN = frozenset({"cross-site", "same-site"})
"""Values of Sec-Fetch-Site that a browser sends with what another site's page asks for."""
ANYBODY = "*"

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?")
"""Of a Host header: an IPv6 address in brackets, or a name or IPv4 address; and a port."""


class Gate(Protocol):
    """Knows callers."""

    advice: str
    """What one who is not known should do."""

    def right_of(self, request: web.Request) -> Right:
        """What this caller may do."""


GATE = web.AppKey("gate", Gate)
"""Where an application keeps the one at its door."""


class LocalGate:
    """On a unix socket: who may open the file (its mode is 600) may do everything."""

    advice = ""

    def right_of(self, _request: web.Request) -> Right:
        return Right.OPERATE


class OpenGate:
    """For what everybody may look at who can reach the port, as 1.4.5 had its metrics."""

    advice = ""

    def right_of(self, _request: web.Request) -> Right:
        return Right.READ


class TokenGate:
    """Bearer tokens: one that may look, one that may operate."""

    advice = "send Authorization: Bearer TOKEN"

    def __init__(self, *, read: str, operate: str) -> None:
        self._tokens = ((read.encode(), Right.READ), (operate.encode(), Right.OPERATE))

    def right_of(self, request: web.Request) -> Right:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.casefold() != "bearer":
            return Right.NOTHING
        token = given.strip().encode("utf-8", "surrogateescape")
        # Each is compared, and in constant time, so that no answer's delay tells how much of a guess was right.
        return max(right if hmac.compare_digest(token, known) else Right.NOTHING for known, right in self._tokens)


class CertificateGate:
    """Client certificates: whoever the CA has signed may look, and those named may operate.

    A certificate's names are those of its subject (CN) and its alternative names (DNS).
    """

    advice = "show a client certificate that ApiClientCA has signed"

    def __init__(self, operators: frozenset[str]) -> None:
        """``*`` among the operators is everybody with a certificate."""
        self._operators = operators

    def right_of(self, request: web.Request) -> Right:
        certificate = request.transport.get_extra_info("peercert") if request.transport is not None else None
        if not certificate:
            return Right.NOTHING
        names = {value for parts in certificate.get("subject", ()) for key, value in parts if key == "commonName"}
        names |= {value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"}
        return Right.OPERATE if self._operators & {ANYBODY, *names} else Right.READ


class Door(msgspec.Struct, frozen=True):
    """One way in."""

    gate: Gate
    hosts: frozenset[str] | None = None
    """Names that it is called by, beside addresses and names without a dot; None where no browser can come in."""


LOCAL = Door(LocalGate())


def admit(request: web.Request, door: Door, needed: Right) -> None:
    """Let a caller in, or raise what to answer instead."""
    _refuse_other_names(request, door)
    _refuse_other_sites(request)
    right = door.gate.right_of(request)
    if right >= needed:
        return
    if right is Right.NOTHING:
        raise web.HTTPUnauthorized(
            reason="the caller is not known", text=door.gate.advice, headers={"WWW-Authenticate": "Bearer"}
        )
    raise web.HTTPForbidden(
        reason="this caller may only look", text="use the operating token, or a certificate of ApiOperators"
    )


def _refuse_other_names(request: web.Request, door: Door) -> None:
    """DNS rebinding: a page at evil.example, whose name now leads here, asks us as its own server, by that name.

    A public name has a dot; so addresses and names without one are nobody else's.
    """
    if door.hosts is None:
        return
    found = _HOST.fullmatch(request.host)
    host = (found[1] or found[2]).casefold().removesuffix(".") if found is not None else ""
    if host and ("." not in host or host in door.hosts or _is_address(host)):
        return
    raise web.HTTPMisdirectedRequest(
        reason="this host does not go by that name", text="ask by address, or name this host in ApiHosts"
    )


def _refuse_other_sites(request: web.Request) -> None:
    """A page of another site cannot change anything with a certificate that the browser shows by itself."""
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("Origin")
    foreign = origin is not None and origin.partition("://")[2] != request.host
    if foreign or request.headers.get("Sec-Fetch-Site") in FOREIGN:
        raise web.HTTPForbidden(reason="the page of another site asks", text="no other site's page may operate this")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
