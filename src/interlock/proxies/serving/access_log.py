"""How the access log of a proxy looks."""

import enum


class AccessLogFormat(enum.StrEnum):
    """How a line of it looks."""

    TEXT = "text"
    JSON = "json"
