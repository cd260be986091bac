"""One row of the API's table: what is asked for, who may ask, and everything that its OpenAPI description says."""

import enum
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from interlock.web.orders import Orders

Handler = Callable[[web.Request, Orders], Awaitable[web.StreamResponse]]

JSON = "application/json"

_PATTERN = re.compile(r"\{(\w+):[^{}]*\}")
"""A part of a path as aiohttp's router has it."""


class Right(enum.IntEnum):
    """What a caller may do; each includes those before it."""

    NOTHING = 0
    """Only what says nothing about containers: probes, the API's own description."""
    READ = 1
    """Look at everything."""
    OPERATE = 2
    """Change what is served."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A text in the query of a request."""

    name: str
    doc: str
    """One sentence, for the description."""
    type: Any = str
    """What values it may have, with `msgspec.Meta` for bounds."""
    required: bool = False


class Endpoint(msgspec.Struct, frozen=True):
    """A method and path, and what comes of them."""

    method: str
    path: str
    """As aiohttp's router writes it: ``/v1/containers/{who:.+}``."""
    handler: Handler
    right: Right
    """What the caller must be allowed to."""
    summary: str
    """One sentence without a full stop."""
    answer: Any
    """Type of the body of 200."""
    body: type[msgspec.Struct] | None = None
    """Type of the request's body."""
    example: str = ""
    """A body, for the description and for messages."""
    parameters: tuple[Parameter, ...] = ()
    """Of the query."""
    faults: tuple[int, ...] = ()
    """Status codes other than 200 that it may answer, beside those of access and of bad bodies."""
    content_type: str = JSON
    """Of 200."""
    unready: Any = None
    """Type of the body of 503, where it is not `Fault`."""


def plain_path(path: str) -> str:
    """A path without the patterns of its parts, as people and OpenAPI write it.

    >>> plain_path("/v1/containers/{who:.+}")
    '/v1/containers/{who}'
    """
    return _PATTERN.sub(r"{\1}", path)
