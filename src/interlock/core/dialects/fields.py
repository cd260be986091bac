"""What a container can ask for, in whatever dialect: one literal entry each, from which the docs are drawn too."""

import enum
from collections.abc import Callable
from typing import Any, NamedTuple

from interlock.core.dialects import names, values
from interlock.core.dialects.typed import Typed
from interlock.core.problems import Severity


class Kind(enum.StrEnum):
    """The form of a value before its grammar reads it; the words are those of the docs."""

    TEXT = "a text"
    INTEGER = "a whole number"
    FLAG = "true or false"
    TEXTS = "a list of texts"
    FLAG_OR_TEXT = "true, false or a text"


class Field(NamedTuple):
    """One thing to ask for."""

    name: str
    """Field of RouteRequest or Wishes that it ends up in, or a part of the match (see `draft`)."""
    kind: Kind
    grammar: Callable[[Any], Typed[Any]]
    """Reads a value of that kind; of one item for TEXTS."""
    meaning: str
    """For the docs: one clause, with the unit."""
    example: object = True
    """For the docs and the fixes of problems; of one item for TEXTS."""


class Key(NamedTuple):
    """What a dialect calls a field, and what a bad value of it costs there."""

    field: Field
    since: str
    """Version of the original that had it, or ``new``."""
    cost: Severity = Severity.WARNING
    may_be_empty: bool = True
    """Whether an empty text means "not given"."""


HOSTNAME = Field(
    "hostname", Kind.TEXT, values.name_part, "first part of the route's host, joined with the domain", "www"
)
DOMAIN = Field("domain", Kind.TEXT, values.name_part, "rest of the route's host", "example.com")
ALIASES = Field("aliases", Kind.TEXTS, names.host, "whole host names that lead to the container as well", "example.com")
PORT = Field("port", Kind.INTEGER, values.port, "the container's port, 1 to 65535; needed if it has several", 8080)
NETWORK = Field("network", Kind.TEXT, values.network, "Docker network on which the container is reached", "appnet")
PATH = Field("path", Kind.TEXT, values.prefix, "path prefix that the route takes, on whole segments", "/app")
REWRITE = Field("rewrite", Kind.FLAG, values.as_given, "strip that prefix before the request reaches the container")
SSL_ONLY = Field("ssl_only", Kind.FLAG, values.as_given, "redirect plain HTTP to HTTPS")
SSL_BACKEND = Field("ssl_backend", Kind.FLAG, values.as_given, "speak TLS to the container")
VERIFY = Field(
    "ssl_backend_verify",
    Kind.TEXT,
    values.verify,
    "whether the container's certificate is checked: none or required (all is the same)",
    "required",
)
CHECK = Field(
    "check", Kind.TEXT, values.check, "health check that the proxy makes; a path alone is a GET", "httpchk GET /health"
)
INTERVAL = Field(
    "check_interval", Kind.INTEGER, values.interval, "milliseconds between two checks, 100 to 3600000", 5000
)
OPTIONS = Field(
    "backend_options",
    Kind.TEXTS,
    values.backend_option,
    "options of HAProxy or NGINX of the allow lists below",
    "http-no-delay",
)
BALANCE = Field("balance", Kind.TEXT, values.balance, "how a server is chosen for a request", "leastconn")
IP_HASH = Field("ip_hash", Kind.FLAG, values.as_given, "choose the server by the client's address")
SSL = Field("ssl", Kind.FLAG, values.as_given, "serve the host with a certificate of its own")
CERTIFICATE = Field(
    "ssl_certificate", Kind.TEXT, values.certificate, "that certificate's file in the certificate directory", "www.pem"
)
CERTIFICATE_KEY = Field("ssl_certificate_key", Kind.TEXT, values.certificate, "its key's file there", "www.key")
WEBSOCKETS = Field("websocket_endpoints", Kind.TEXTS, values.endpoint, "paths that speak websocket", "/ws")
WARM = Field(
    "warm",
    Kind.FLAG_OR_TEXT,
    values.warm,
    "path of a first request that must be answered before traffic comes; true is /",
    "/ready",
)
READY = Field(
    "ready", Kind.TEXT, values.ready, "what the container's HEALTHCHECK means: require, prefer or ignore", "prefer"
)
RETRY = Field(
    "retry",
    Kind.TEXT,
    values.retry,
    "which requests are made again elsewhere when a server failed them: off, safe, safe-5xx or all",
    "safe-5xx",
)
SLOW_START = Field(
    "slow_start", Kind.INTEGER, values.slow_start, "seconds until a server that comes in has its full share", 30
)
LOCALITY = Field(
    "locality",
    Kind.TEXT,
    values.locality,
    "engines, or nodes of a swarm, whose containers come first, with commas between; off for all alike",
    "node1",
)
WEIGHT = Field("weight", Kind.INTEGER, values.weight, "share of the traffic relative to the others, 0 to 256", 100)
