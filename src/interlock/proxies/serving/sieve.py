"""The second wall: a proxy's own check of what was rendered. What it refuses is found, named and left out."""

from collections.abc import Awaitable, Callable, Collection, Sequence

import msgspec

from interlock.core.model import Match
from interlock.core.plan import shape
from interlock.core.problems import PermanentError
from interlock.proxies.contract import Refused
from interlock.proxies.serving.sites import Site


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the proxy's check said of some sites together."""

    accepted: bool
    why: str = ""
    """Its words, one printable line."""
    culprits: Collection[Match] = ()
    """The sites that its words point at; may be none."""


Judge = Callable[[Sequence[Site]], Awaitable[Verdict]]


class Sifted(msgspec.Struct, frozen=True):
    """Sites that are accepted together, and those that are not."""

    sites: tuple[Site, ...]
    refused: tuple[Refused, ...]


async def sift(name: str, sites: Sequence[Site], judge: Judge) -> Sifted:
    """The largest part of `sites` that the proxy accepts; `name` is the proxy's, for messages.

    The last candidate that `judge` saw is the one that was accepted.

    Raises:
        PermanentError: it refuses the operator's settings, with no site at all.
        TemporaryError: it comes to no verdict.
    """
    kept = list(sites)
    refused: list[Refused] = []
    while True:
        verdict = await judge(kept)
        if verdict.accepted:
            return Sifted(tuple(kept), tuple(refused))
        if not kept:
            raise PermanentError(f"{name} refuses its settings: {verdict.why}", fix="correct them")
        culprits = [site for site in kept if site.match in verdict.culprits] or await _bisect(kept, judge)
        refused += [Refused(match=site.match, shape=shape(site.options), why=verdict.why) for site in culprits]
        kept = [site for site in kept if site not in culprits]


async def _bisect(sites: list[Site], judge: Judge) -> list[Site]:
    """One site that is refused by itself; all of them where only their company is."""
    suspects = sites
    while len(suspects) > 1:
        half = suspects[: len(suspects) // 2]
        if not (await judge(half)).accepted:
            suspects = half
            continue
        rest = suspects[len(half) :]
        if (await judge(rest)).accepted:
            break
        suspects = rest
    if len(suspects) == 1 and not (await judge([])).accepted:
        return sites  # it is the settings: the caller finds out with no site left
    return suspects
