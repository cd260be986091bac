"""What a route asks for that a proxy does not declare it can do: reported for every plugin alike."""

from collections.abc import Collection

from interlock.core.model import Options, Route
from interlock.core.problems import Problem, Severity, shown

FREE = frozenset({"check_interval", "websocket_endpoints"})
"""Fields whose neglect nobody notices: how often somebody checks, and where WebSockets pass that pass everywhere."""
_DEFAULTS = Options()


def unhonoured(route: Route, honours: Collection[str], proxy: str) -> tuple[Problem, ...]:
    """A problem for each option that is otherwise than its default and not in `honours`."""
    options = route.backend.options
    return tuple(
        Problem(
            container="",
            key=f"{field} of {route.match}",
            value=shown(getattr(options, field)),
            what=f"{proxy} cannot do this, so it is served without",
            fix="take it away, or use another proxy",
            severity=Severity.WARNING,
        )
        for field in Options.__struct_fields__
        if field not in honours and field not in FREE and getattr(options, field) != getattr(_DEFAULTS, field)
    )
