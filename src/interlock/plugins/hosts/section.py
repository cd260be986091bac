"""Our section of a hosts file, between two marks; whatever else the file holds stays byte for byte."""

import re
from collections.abc import Iterable

from interlock.core.problems import PermanentError

MARK = "# BEGIN interlock"
BEGIN = f"{MARK}: written by Interlock, changes in here are lost\n"
BEGIN_AFTER_OPEN_LINE = f"{MARK}: written by Interlock after a line without an end, changes in here are lost\n"
"""So that the line break before it goes with the section."""
END = "# END interlock\n"

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
LONGEST_NAME = 253
"""Characters of a name, by RFC 1035."""


def without_section(text: str) -> str:
    """The file as it would be without us.

    Raises PermanentError: a mark has lost its other half.
    """
    for begin, before in ((BEGIN_AFTER_OPEN_LINE, "\n"), (BEGIN, "")):
        start = text.find(before + begin)
        if start >= 0:
            end = text.find(END, start)
            if end < 0:
                break
            return text[:start] + text[end + len(END) :]
    if MARK in text or END in text:
        raise PermanentError(
            "the hosts file has one mark of Interlock's section without the other", fix="remove the lines of it by hand"
        )
    return text


def with_section(text: str, names: Iterable[str], addresses: Iterable[str]) -> str:
    """The file with a section for these names, at its end; without one if there is nothing to say.

    A name that the file has already is left to it. Wildcards, and what is no name, have no place in such a file.
    """
    rest = without_section(text)
    known = {word for line in rest.splitlines() for word in line.partition("#")[0].lower().split()[1:]}
    own = sorted(name for name in set(names) - known if len(name) <= LONGEST_NAME and _NAME.fullmatch(name))
    lines = "".join(f"{address}\t{name}\n" for name in own for address in addresses)
    if not lines:
        return rest
    if rest and not rest.endswith("\n"):
        return f"{rest}\n{BEGIN_AFTER_OPEN_LINE}{lines}{END}"
    return f"{rest}{BEGIN}{lines}{END}"
