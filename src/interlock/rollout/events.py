"""What a rollout tells of itself, one value a step: a line for people, or JSON for programs."""

import enum

import msgspec

from interlock.core.problems import InterlockError, PermanentError


class Step(enum.StrEnum):
    """What happened to a container."""

    CREATED = "created"
    STARTED = "started"
    READY = "ready"
    """Every proxy sends it requests."""
    DRAINING = "draining"
    """No proxy sends it new requests; those under way finish."""
    IMPATIENT = "impatient"
    """Requests were left when the time was up; stopping it may cut them."""
    STOPPED = "stopped"
    REMOVED = "removed"
    RENAMED = "renamed"
    FAILED = "failed"
    """It never got ready."""
    RESTORED = "restored"
    """It was draining, and is back in rotation, since the rollout was ended early."""
    LEFT_DRAINED = "left-drained"
    """It should be back in rotation, but Interlock could not be told: `interlock undrain` does it."""
    DONE = "done"
    """All of them are replaced."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step."""

    event: Step
    container: str
    """Its name; of `done` the service's, ``PROJECT/SERVICE``."""
    id: str = ""
    replaces: str = ""
    """Name of the predecessor."""
    sessions: int = 0
    """Requests under way to it."""
    reason: str = ""
    log: tuple[str, ...] = ()
    """The last lines that it wrote."""


class RefusedError(PermanentError):
    """What was asked for cannot be done so; nothing was done."""


class NeverReadyError(InterlockError):
    """A new container did not get into rotation; it is gone again, and its predecessor serves on."""

    def __init__(self, what: str, *, fix: str = "", log: tuple[str, ...] = ()) -> None:
        super().__init__(what, fix=fix)
        self.log = log
