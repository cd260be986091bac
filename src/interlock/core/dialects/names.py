"""The grammar of host names and paths: what may stand in a map file of the proxy, and nothing else.

Foreign text never gets further than this unless `re.fullmatch` of a closed ASCII grammar holds for all of it.
"""

import re
import unicodedata
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import quote, unquote_to_bytes

import idna

from interlock.core.dialects.typed import Remark, Typed, refused
from interlock.core.problems import shown

HOST_LENGTH = 253
"""Characters of a host name (RFC 1035, 255 octets on the wire)."""
RAW_HOST_LENGTH = 512
"""Characters of a host name before it is normalised; bounds the work of IDNA."""
PATH_LENGTH = 256
"""Characters of a path prefix; ours, ample for a prefix and short for a map file."""
URI_LENGTH = 512
"""Characters of the path and query of a request that is made by the proxy or by Interlock itself."""

RESERVED_PATHS = frozenset({b"/haproxy", b"/nginx_status"})
"""The proxies' own pages (monitor and statistics); no container may stand in front of them."""
PRIVATE_SUFFIXES = frozenset({"example", "internal", "lan", "local", "localhost", "test"})
"""Single labels below which a wildcard takes nobody's names: RFC 2606, 6761, 6762, ICANN's internal, and lan."""

_HOST_FIX = "write one host name, like www.example.com"
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PORT = re.compile(r"([^:]*):([0-9]*)")
_PATH = re.compile(r"/(?:[A-Za-z0-9._~+@:,=/-]|%[0-9A-Fa-f]{2})*")
_URI = re.compile(r"/(?:[A-Za-z0-9._~!&()*+,=:@/?-]|%[0-9A-Fa-f]{2})*")
_UNSAFE_BYTE = re.compile(rb"[\x00-\x1f\x7f/\\]")

_WRITING_SYSTEMS = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
)
"""Scripts that one label may mix: the highly restrictive profile of Unicode UTS 39, by the first word of a
character's name, since the standard library has no script property."""


def join(hostname: str, domain: str) -> str:
    """The host that a hostname and a domain make, by the original's rule: equal ones are written once.

    >>> join("demo", "interlock.com"), join("interlock.com", "interlock.com"), join("", "interlock.com")
    ('demo.interlock.com', 'interlock.com', 'interlock.com')
    """
    return f"{hostname}.{domain}" if hostname and hostname.lower() != domain.lower() else domain


def host(text: str) -> Typed[str]:
    """Read a host name: lower case, IDNA in its ASCII form, one leading ``*.`` allowed, an IPv4 address allowed.

    A port is dropped with a remark, a final dot silently.
    """
    if not text:
        return refused("is empty", _HOST_FIX)
    if len(text) > RAW_HOST_LENGTH:
        return refused(f"is longer than {HOST_LENGTH} characters, the limit of DNS", _HOST_FIX)
    if text.count(":") > 1:
        return refused("is an IPv6 address, and a route needs a host name or an IPv4 address", _HOST_FIX)
    name, remark = text, None
    if (ported := _PORT.fullmatch(text)) is not None:
        name = ported[1]
        remark = Remark(
            "names a port, but requests are routed by host alone; the port is ignored", f"write {shown(name)}"
        )
    wildcard = name.startswith("*.")
    typed = _dns_name(name[2:] if wildcard else name)
    if typed.value is None:
        return typed
    if wildcard:
        return _below(typed.value, remark)
    return Typed(typed.value, remark)


def path(text: str) -> Typed[str]:
    """Read a path prefix: ``/`` alone for the root, otherwise without a slash at its end."""
    if len(text) > PATH_LENGTH:
        return refused(f"is longer than {PATH_LENGTH} characters")
    if not text.startswith("/"):
        return refused("does not start with a slash", _slashed(text))
    if _PATH.fullmatch(text) is None:
        return refused("has characters that a path prefix cannot hold", _escaped(text))
    segments = [segment for segment in text.split("/") if segment]
    decoded = [unquote_to_bytes(segment) for segment in segments]
    if any(octets in {b".", b".."} or _UNSAFE_BYTE.search(octets) for octets in decoded):
        return refused("climbs out of its prefix or hides a slash or a control character")
    plain = "/" + "/".join(segments)
    if b"/" + b"/".join(decoded) in RESERVED_PATHS:
        return refused("is the path of the proxy's own pages", "choose another path, like /app")
    return Typed(plain)


def uri(text: str) -> Typed[str]:
    """Read the path and query of a request to a container: ``/health?full=1``."""
    if len(text) > URI_LENGTH:
        return refused(f"is longer than {URI_LENGTH} characters")
    if not text.startswith("/"):
        return refused("does not start with a slash", _slashed(text))
    if _URI.fullmatch(text) is None:
        return refused("has characters that a request line cannot hold", _escaped(text))
    return Typed(text)


def _dns_name(text: str) -> Typed[str]:
    name = text.lower().removesuffix(".")
    if not name.isascii() or "xn--" in name:
        try:
            name = _ascii_form(name)
        except UnicodeError as error:
            return refused(f"is no international domain name ({shown(str(error))})", _HOST_FIX)
    labels = name.split(".")
    for label in labels:
        if _LABEL.fullmatch(label) is None:
            return refused(f"has {_fault(label)}", _HOST_FIX)
    if len(name) > HOST_LENGTH:
        return refused(f"is longer than {HOST_LENGTH} characters, the limit of DNS", _HOST_FIX)
    if labels[-1].isdigit() and not _is_ipv4(name):
        return refused("ends in a number and is not an IPv4 address", _HOST_FIX)
    return Typed(name)


def _below(name: str, remark: Remark | None) -> Typed[str]:
    if "." not in name and name not in PRIVATE_SUFFIXES:
        return refused(f"takes every name below the top-level domain {name}", f"name a domain, like *.example.{name}")
    if name.rpartition(".")[2].isdigit():
        return refused("is a wildcard over an IPv4 address", _HOST_FIX)
    return Typed(f"*.{name}", remark)


def _ascii_form(name: str) -> str:
    """The name with its international labels in their ASCII form; `idna.IDNAError`, a UnicodeError, if refused."""
    mapped = idna.uts46_remap(name, std3_rules=False, transitional=False)
    return ".".join(_ascii_label(label) for label in mapped.split("."))


def _ascii_label(label: str) -> str:
    if label.isascii() and not label.startswith("xn--"):
        return label
    encoded = idna.alabel(label).decode("ascii")
    scripts = _scripts(idna.ulabel(encoded))
    if len(scripts) > 1 and not any(scripts <= system for system in _WRITING_SYSTEMS):
        raise idna.IDNAError(f"one label mixes {', '.join(sorted(scripts)).lower()}, as look-alike names do")
    return encoded


def _scripts(label: str) -> frozenset[str]:
    letters = (c for c in label if unicodedata.category(c).startswith("L"))
    return frozenset(unicodedata.name(c, "UNNAMED").partition(" ")[0] for c in letters)


def _is_ipv4(name: str) -> bool:
    try:
        IPv4Address(name)
    except AddressValueError:
        return False
    return True


def _fault(label: str) -> str:
    if not label:
        return "an empty part between its dots"
    if "*" in label:
        return "an asterisk elsewhere than as its whole first part"
    if "," in label or " " in label:
        return "a comma or space; each host needs an entry of its own"
    if label.startswith("-") or label.endswith("-"):
        return f"the part {shown(label)}, which starts or ends in a hyphen"
    if re.fullmatch(r"[a-z0-9_-]+", label):
        return "a part of more than 63 characters"
    return "characters other than letters, digits, hyphens and dots"


def _slashed(text: str) -> str:
    return f"write /{text}" if _PATH.fullmatch(f"/{text}") else ""


def _escaped(text: str) -> str:
    """The percent-encoded form, where that is all it takes."""
    if not text.isprintable() or any(c in text for c in "?#"):
        return ""
    encoded = quote(text, safe="/%._~+@:,=-")
    return f"write {encoded}" if _PATH.fullmatch(encoded) and len(encoded) <= PATH_LENGTH else ""
