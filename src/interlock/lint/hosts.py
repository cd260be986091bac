"""Who asks for the same host as somebody else, over all files."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from interlock.core.model import Match
from interlock.core.problems import Severity
from interlock.lint.finding import Finding, Rule
from interlock.lint.requests import Asking

SAME, OTHER = "with the same options", "with other options, and those of the older container count"


def findings_in_hosts(askings: Sequence[Asking]) -> Iterator[Finding]:
    """One finding for each pair of services that get in each other's way, at the later one."""
    claims = [(match, asking) for asking in askings for request in asking.requests for match in request.matches]
    told: set[tuple[int, int]] = set()
    for (theirs, earlier), (match, later) in combinations(claims, 2):
        pair = (id(earlier), id(later))
        if earlier is later or pair in told:
            continue
        finding = _finding(theirs, earlier, match, later)
        if finding is not None:
            told.add(pair)
            yield finding


def _finding(theirs: Match, earlier: Asking, match: Match, later: Asking) -> Finding | None:
    if theirs == match:
        return _duplicate(match, earlier, later)
    if earlier.source is later.source:
        return None  # whoever writes both knows what goes where
    if _is_within(match, theirs):
        return _shadow(match, later, theirs, earlier)
    return _shadow(theirs, earlier, match, later) if _is_within(theirs, match) else None


def _duplicate(match: Match, earlier: Asking, later: Asking) -> Finding | None:
    """Two services of one file may share a host on purpose, a canary and the rest; then one says with what weight."""
    if earlier.source is later.source and any("weight" in r.origins for a in (earlier, later) for r in a.requests):
        return None
    alike = {request.wishes for request in earlier.requests} == {request.wishes for request in later.requests}
    return later.finding(
        Rule.DUPLICATE_HOST,
        key=_key(match, later),
        value=str(match),
        what=f"is asked for by {earlier.place} too, {SAME if alike else OTHER}: each request goes to either",
        fix="ask for another host or path, or name the weight of each if they are meant to share it",
        severity=Severity.WARNING,
    )


def _shadow(narrow: Match, narrower: Asking, wide: Match, wider: Asking) -> Finding:
    return narrower.finding(
        Rule.SHADOWED_HOST,
        key=_key(narrow, narrower),
        value=str(narrow),
        what=f"takes these requests away from {wider.place}, which asks for {wide}",
        fix="ask for another host or path, or move both services into one file if it is meant so",
        severity=Severity.WARNING,
    )


def _is_within(narrow: Match, wide: Match) -> bool:
    """Whether all that one match takes would be the other's otherwise."""
    same_host = narrow.host == wide.host
    below = wide.host.startswith("*.") and narrow.host.endswith(wide.host[1:]) and not same_host
    prefix = wide.path if wide.path.endswith("/") else f"{wide.path}/"
    return (same_host and narrow.path.startswith(prefix) and narrow.path != wide.path) or (below and wide.path == "/")


def _key(match: Match, asking: Asking) -> str:
    return next(request.origin("matches") for request in asking.requests if match in request.matches)
