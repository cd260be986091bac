"""Did you mean ...? For keys that nobody knows, bounded: a container may have ten thousand of them."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from interlock.core.dialects.draft import Draft
from interlock.core.dialects.typed import Remark
from interlock.core.problems import shown

REPORT_LIMIT = 20
"""Unknown keys of one container that are reported one by one."""
UNKNOWN = "is not a key that Interlock knows"
"""What such a problem says, for those who tell kinds of problems apart."""
COMPARED_LENGTH = 64
"""Characters of a foreign key that are compared; the longest key that we have is half of that."""


def report_unknown(draft: Draft, unknown: Mapping[str, object], known: Collection[str], *, before: str) -> None:
    """Note the keys (with their values) that nobody knows, and the known one that each resembles.

    `before` is what stands before every key in messages.
    """
    for key in sorted(unknown)[:REPORT_LIMIT]:
        similar = get_close_matches(key.lower()[:COMPARED_LENGTH], known, n=1, cutoff=0.5)
        fix = f"write {similar[0]}, or remove it" if similar else "remove it"
        draft.complain(f"{before}{shown(key)}", unknown[key], Remark(UNKNOWN, fix))
    if len(unknown) > REPORT_LIMIT:
        what = f"has {len(unknown) - REPORT_LIMIT} more keys that Interlock does not know"
        draft.complain(before.strip(" ."), "", Remark(what, "remove them"))
