"""What Interlock's log tells about one container, in its own words, cut to what a terminal shows."""

import re
from collections.abc import Sequence

RELOADED = "proxy reloaded and ready"

_LINE = re.compile(r'time="\S+T(?P<time>[\d:]+)Z" level=\w+ msg="(?P<text>(?:[^"\\]|\\.)*)"(?P<more>.*)')
_ID = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")


def reloads(log: str) -> int:
    """How often the proxy was reloaded."""
    return log.count(RELOADED)


def told(log: str, name: str, key: str) -> list[str]:
    """From the start of a container, by name and full id, until the proxy sends it requests."""
    milestones = (
        re.compile(rf"event: .*type=start .*container={key}"),
        re.compile(r"dispatching event to plugin"),
        re.compile(rf"upstream=\S+ container={re.escape(name)}\b"),
        re.compile(r"proxy (updated|reloaded) and ready"),
    )
    return [_shortened(line) for line in _in_order(log.splitlines(), milestones)]


def _in_order(lines: Sequence[str], milestones: Sequence[re.Pattern[str]]) -> list[str]:
    """The first line that each milestone fits, none of them before the one of the milestone before."""
    found: list[str] = []
    position = 0
    for milestone in milestones:
        at = next((n for n in range(position, len(lines)) if milestone.search(lines[n])), None)
        if at is not None:
            found.append(lines[at])
            position = at + 1
    return found


def _shortened(line: str) -> str:
    """Time and message: `11:42:25  [haproxy] …`, ids as `docker ps` shows them."""
    parts = _LINE.search(line)
    return _ID.sub(r"\1", f"{parts['time']}  {parts['text']}{parts['more']}" if parts else line)
