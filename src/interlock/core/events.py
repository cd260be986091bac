"""Facts from engines and probes, as frozen values in the past tense; their mirror image are the steps of `plan`."""

import msgspec

from interlock.core.model import Container, ContainerKey


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Where Interlock stands relative to one engine; decides which of a container's addresses it can reach."""

    engine: str
    local: bool = False
    """Interlock runs on the engine's own host, outside any container: every bridge network's addresses are near."""
    own_container: str = ""
    """Id of the container that Interlock runs in, when it is one of this engine's."""
    own_networks: frozenset[str] = frozenset()
    """Ids of the networks that Interlock's own container is attached to."""
    node_address: str = ""
    """Where the engine's published ports are reached (the host of a tcp:// URL); "" when unknown."""
    override_address: str = ""
    """The operator's word for it (``HAPROXY_PROXY_BACKEND_OVERRIDE_ADDRESS``); beats every guess."""
    on_paper: bool = False
    """Read from a file, with no engine at hand: addresses are given as published, reachable or not."""


class Placed(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """Interlock learned (again) where it stands relative to an engine."""

    view: View


class Listed(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """An engine told everything it has; whoever it does not name is gone."""

    engine: str
    containers: tuple[Container, ...]
    cause: str = ""


class Changed(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """A container was inspected: this is how it is now."""

    container: Container
    cause: str = ""
    at: float = 0.0
    """Unix seconds by the engine's clock when it happened; 0 where the engine did not say."""


class Stopping(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """A container was sent a signal that ends it, or died: no new request for this run of it."""

    key: ContainerKey
    cause: str = ""
    at: float = 0.0
    """Unix seconds by the engine's clock when it happened; 0 where the engine did not say."""
    is_notice: bool = False
    """It will be sent the signal in a moment: it still takes requests if nobody else can."""


class Survived(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """A container still runs long after the signal that should have ended it; `Stopping` is taken back."""

    key: ContainerKey
    cause: str = ""
    at: float = 0.0
    """Unix seconds by the engine's clock when it happened; 0 where the engine did not say."""


class Vanished(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """A container no longer exists."""

    key: ContainerKey
    cause: str = ""
    at: float = 0.0
    """Unix seconds by the engine's clock when it happened; 0 where the engine did not say."""


class Lost(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """An engine went out of reach. What it said last stays true until it speaks again."""

    engine: str
    reason: str = ""


class GivenUp(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """An engine has been out of reach for longer than what it said last is worth; until its next `Listed`."""

    engine: str
    after: float
    """Seconds."""
    containers: tuple[str, ...] = ()
    """Ids of those that nobody tells of any more, where others of the engine are still told of; none: all of it."""


class Held(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """An engine's list lost more than half of what ran, so it is not believed before a second one says the same."""

    engine: str
    reason: str


class Recovered(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """An engine is back; a `Listed` follows."""

    engine: str
    description: str = ""
    """What answers, for the log: ``Docker 20.10.24, API 1.41``."""


class Probed(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """A server answered its first probe (TCP connect, or the warm-up request); it may take traffic."""

    key: ContainerKey
    endpoint: str
    """``address:port`` that answered; another address of the same container is another question."""
    started_at: str


Event = Placed | Listed | Changed | Stopping | Survived | Vanished | Lost | GivenUp | Held | Recovered | Probed
