"""A whole service replaced, so many containers at a time."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from interlock.core.problems import InterlockError, shown
from interlock.rollout.client import DeployClient
from interlock.rollout.clone import make_clone, refuse_conflicts
from interlock.rollout.documents import Image, Inspected, Listed
from interlock.rollout.events import Event, RefusedError, Step
from interlock.rollout.members import Name, find_members, successors
from interlock.rollout.replacement import Replacement, Replacer
from interlock.rollout.traffic import Traffic


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the user typed."""

    service: str
    project: str = ""
    """ "" where only one project has such a service."""
    image: str = ""
    """Another image for the new ones; "" for the same reference, whatever it means by now."""
    surge: int = 1
    """How many are replaced at a time."""
    timeout: float = 60.0
    """Seconds for a new one to get ready, and again for the requests of an old one to end."""


async def roll_out(client: DeployClient, traffic: Traffic, wanted: Wanted, tell: Callable[[Event], None]) -> int:
    """Replace every running container of a service; how many there were.

    Everything that can be known beforehand is refused before anything is done. After a failure nothing further is
    begun, and what is under way is finished.

    Raises RefusedError, NeverReadyError, PermanentError, TemporaryError.
    """
    everybody = await client.containers()
    members = find_members(everybody, wanted.service, wanted.project)
    taken = frozenset(each.name for each in everybody)
    replacements = [await _prepared(client, old, name, wanted.image) for old, name in successors(members, taken)]
    for each in replacements:
        await _refuse_unrouted(traffic, each.old)
    replacer = Replacer(client, traffic, timeout=wanted.timeout, tell=tell)
    await _in_parallel(replacer, replacements, wanted.surge)
    tell(Event(Step.DONE, str(members.service)))
    return len(replacements)


async def _in_parallel(replacer: Replacer, replacements: Iterable[Replacement], surge: int) -> None:
    """So many at a time, until one fails; the first failure is raised once the others have come to their end."""
    waiting = deque(replacements)
    failures: list[InterlockError] = []

    async def work() -> None:
        while waiting and not failures:
            try:
                await replacer.replace(waiting.popleft())
            except InterlockError as error:
                failures.append(error)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(surge):
            tasks.create_task(work())
    if failures:
        raise failures[0]


async def _prepared(client: DeployClient, listed: Listed, name: Name, image: str) -> Replacement:
    """Find out all that a copy takes. Raises RefusedError where there can be none."""
    old = await client.inspect(listed.Id)
    if old is None:
        raise RefusedError(f"{shown(listed.name)} was removed meanwhile", fix="try again")
    refuse_conflicts(old)
    reference = image or str(old.Config.get("Image") or "")
    present = await _image(client, reference)
    before = await client.image(old.Image)
    clone = make_clone(
        old,
        name=name.now,
        number=name.number,
        image=reference,
        image_id=present.Id,
        inherited=before.Config if before is not None else None,
    )
    return Replacement(old=old, clone=clone, name=name)


async def _image(client: DeployClient, reference: str) -> Image:
    image = await client.image(reference)
    if image is None:
        raise RefusedError(
            f"the engine has no image {shown(reference)}", fix=f"docker pull {shown(reference)}, or build it"
        )
    return image


async def _refuse_unrouted(traffic: Traffic, old: Inspected) -> None:
    """Without a route nobody could say when its successor is ready. Raises RefusedError."""
    status = await traffic.look(old.Id)
    if status is None:
        raise RefusedError(
            f"the running Interlock does not know {shown(old.name)}",
            fix="let this command (--swarm-url, DOCKER_HOST) and the running Interlock use the same engine",
        )
    if not status.places:
        raise RefusedError(
            f"Interlock routes nothing to {shown(old.name)}, so nobody can say when a new one is ready",
            fix="let it ask for a route, or replace it with `docker compose up -d`",
        )
