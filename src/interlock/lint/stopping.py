"""Whether a container comes in ready and leaves in peace."""

from collections.abc import Iterator

from interlock.core.model import Ready
from interlock.core.problems import Severity
from interlock.lint.finding import Finding, Rule
from interlock.lint.requests import Asking

KILL = frozenset({"SIGKILL", "KILL", "9"})


def findings_in_stopping(asking: Asking, *, request_seconds: float) -> Iterator[Finding]:
    """Of one service; `request_seconds` is how long the proxy lets a container take for an answer."""
    service = asking.written.service
    if not asking.requests:
        return
    if service.stop_signal.upper() in KILL:
        yield asking.finding(
            Rule.KILL_SIGNAL,
            key="stop_signal",
            value=service.stop_signal,
            what="ends the container at once, with the requests that it is answering",
            fix="remove it, or name the signal on which the application finishes: SIGTERM, SIGINT, SIGQUIT",
            severity=Severity.WARNING,
        )
    elif "stop_grace_period" in asking.written.table and service.stop_timeout < request_seconds:
        yield asking.finding(
            Rule.SHORT_GRACE,
            key="stop_grace_period",
            value=asking.written.table["stop_grace_period"],
            what=f"is shorter than the {request_seconds:g} s that the proxy gives an answer, so a stop may cut one off",
            fix=f"write stop_grace_period: {request_seconds:g}s, or more",
            severity=Severity.WARNING,
        )
    if not service.has_healthcheck:
        yield from _without_healthcheck(asking)


def _without_healthcheck(asking: Asking) -> Iterator[Finding]:
    for request in asking.requests:
        if "ready" in request.origins and request.ready is not Ready.IGNORE:
            is_off = "healthcheck" in asking.written.table
            what = "is heeded only with a healthcheck, and the file "
            yield asking.finding(
                Rule.NO_HEALTHCHECK,
                key=request.origin("ready"),
                value=str(request.ready),
                what=what + ("turns it off" if is_off else "has none (its image may)"),
                fix='add healthcheck: {test: ["CMD", "curl", "-f", "http://localhost/"]}, or remove the key',
                severity=Severity.WARNING,
            )
