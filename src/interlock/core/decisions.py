"""What an explanation is made of: questions in their order, each with its answer, where that came from, and the fix."""

import enum
from collections.abc import Mapping

import msgspec

from interlock.core.model import Match
from interlock.core.plan import Serving
from interlock.core.problems import Problem


class Step(enum.StrEnum):
    """One of the questions, in their order."""

    SEEN = "seen"
    ASKS = "asks"
    """In which dialect, and whether all that it says can be read."""
    HOST = "host"
    PORT = "port"
    ADDRESS = "address"
    READY = "ready"
    ORDERS = "orders"
    """The operator's."""
    SHARED = "shared"
    """With others who ask for the same route."""
    PROXY = "proxy"
    ROTATION = "in rotation"


class Verdict(enum.StrEnum):
    """The answer to one of them."""

    YES = "yes"
    WARNING = "warning"
    """Yes, but something is not as it was asked for."""
    WAITING = "waiting"
    """Not yet; it comes by itself, or never where what it waits for does not come."""
    NO = "no"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One question and its answer."""

    step: Step
    verdict: Verdict
    value: str = ""
    origin: str = ""
    """Where the value comes from: a label, a key, a default, an engine's word."""
    what: str = ""
    """What is wrong, as one whole clause; "" for a yes."""
    fix: str = ""
    """What to type, for everything but a yes."""
    route: str = ""
    """Host and path that it is about; "" for all of the container's."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One container."""

    container: str
    """Its name."""
    id: str
    engine: str
    project: str = ""
    service: str = ""
    """Of Compose; "" for a container that is not Compose's."""
    verdict: Verdict
    """YES: it takes requests in every route that it asks for, and WARNING: so it does, but."""
    cause: Decision | None
    """The first decision that is not a yes, a no before a warning; None where all are."""
    decisions: tuple[Decision, ...]


class ProxyWord(msgspec.Struct, frozen=True, kw_only=True):
    """What one proxy says of some routes."""

    name: str
    serving: Serving
    refused: Mapping[Match, str] = {}
    """Routes that its own check would not load, with what it said."""
    limits: Mapping[Match, tuple[Problem, ...]] = {}
    """What a route asks for that it cannot do as it is set up."""
    error: str = ""
    """Why it does not do as it is told, or does not answer; "" when it does."""


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What else is known of a container, beyond the world."""

    pause: float = 0.0
    """Seconds that it waits after each start, because it keeps ending by itself."""
    silence: Mapping[str, str] = {}
    """Its endpoints that have not answered yet -> why not."""
    proxies: tuple[ProxyWord, ...] = ()
