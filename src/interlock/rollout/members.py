"""Which containers a rollout is about, and what their successors are called."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import count

import msgspec

from interlock.core.overrides import PROJECT_LABEL, SERVICE_LABEL, Service
from interlock.core.problems import shown
from interlock.rollout.clone import NUMBER_LABEL
from interlock.rollout.documents import Listed
from interlock.rollout.events import RefusedError

ONEOFF_LABEL = "com.docker.compose.oneoff"
"""``True`` on a container of `compose run`."""


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """The containers of one service."""

    service: Service
    running: tuple[Listed, ...]
    """By number."""
    numbers: frozenset[int]
    """Those that are taken, also by containers that do not run."""


class Name(msgspec.Struct, frozen=True):
    """What a successor is called."""

    number: int
    now: str
    afterwards: str
    """Its name once its predecessor is gone: that one's own, where it was chosen by hand; else the same as `now`."""


def find_members(containers: Iterable[Listed], service: str, project: str) -> Members:
    """The containers of a Compose service; `project` may be "" where only one has such a service.

    Raises RefusedError.
    """
    known = [each for each in containers if PROJECT_LABEL in each.labels and SERVICE_LABEL in each.labels]
    own = [each for each in known if each.labels.get(ONEOFF_LABEL, "").lower() != "true"]
    of_name = [each for each in own if each.labels[SERVICE_LABEL] == service]
    found = [each for each in of_name if project in {"", each.labels[PROJECT_LABEL]}]
    projects = sorted({each.labels[PROJECT_LABEL] for each in found})
    if len(projects) > 1:
        raise RefusedError(
            f"the service {shown(service)} is in several projects: {', '.join(map(shown, projects))}",
            fix=f"name one with --project {shown(projects[0])}",
        )
    running = [each for each in found if each.State == "running"]
    if not running:
        raise _none(service, project, own)
    numbers = frozenset(number for each in found if (number := _number(each)) is not None)
    return Members(
        service=Service(projects[0], service),
        running=tuple(sorted(running, key=lambda each: (_number(each) or 0, each.name))),
        numbers=numbers,
    )


def successors(members: Members, taken: frozenset[str]) -> Iterator[tuple[Listed, Name]]:
    """Each running container with the name of its successor: the lowest numbers that are free, each given once.

    `taken` holds the names of all containers of the engine.
    """
    free = (number for number in count(1) if number not in members.numbers)
    for old in members.running:
        name = next(name for number in free if (name := _name(old, number)).now not in taken)
        yield old, name


def _name(old: Listed, number: int) -> Name:
    """``shop_web_3`` after ``shop_web_1``; a name without a number at its end was chosen by hand."""
    ending = old.labels.get(NUMBER_LABEL, "")
    stem = old.name.removesuffix(ending)
    if ending and stem != old.name and stem.endswith(("_", "-")):
        return Name(number, f"{stem}{number}", f"{stem}{number}")
    return Name(number, f"{old.name}_{number}", old.name)


def _number(container: Listed) -> int | None:
    text = container.labels.get(NUMBER_LABEL, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < len("1000000") else None


def _none(service: str, project: str, own: list[Listed]) -> RefusedError:
    of_project = f" of the project {shown(project)}" if project else ""
    names = {each.labels[SERVICE_LABEL] for each in own if project in {"", each.labels[PROJECT_LABEL]}}
    near = get_close_matches(service, names - {service}, n=3)
    fix = f"did you mean {' or '.join(map(shown, near))}?" if near else "start it with `docker compose up -d` first"
    return RefusedError(f"no container of the Compose service {shown(service)}{of_project} runs", fix=fix)
