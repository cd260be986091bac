"""Which containers are measured: those that any rule of ``[Rules.NAME]`` finds.

1.4.5 knew three types of rules but heeded only ``image``; here ``name`` and ``label`` count too.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

from interlock.core.model import Container
from interlock.core.problems import PermanentError, shown
from interlock.settings import Rule

IMAGE, NAME, LABEL = "image", "name", "label"
MATCHED = 1000
"""Characters that an expression sees of what a container says of itself."""


class Rules(msgspec.Struct, frozen=True):
    """The expressions, by what they are held against; each is searched for, as in Go's MatchString."""

    image: tuple[re.Pattern[str], ...] = ()
    name: tuple[re.Pattern[str], ...] = ()
    label: tuple[re.Pattern[str], ...] = ()

    def choose(self, container: Container, labels: Mapping[str, str]) -> bool:
        """Whether it is measured. A label is seen as ``KEY=VALUE``, or as ``KEY`` where it has no value."""
        texts = (f"{key}={value}" if value else key for key, value in labels.items())
        return (
            _found(self.image, [container.image])
            or _found(self.name, [container.name])
            or (bool(self.label) and _found(self.label, texts))
        )

    def __bool__(self) -> bool:
        return bool(self.image or self.name or self.label)


def read_rules(rules: Mapping[str, Rule], *, images: str = "") -> Rules:
    """The rules of the file, and an expression for images besides.

    Raises PermanentError: a type that there is not, or what is no regular expression.
    """
    found: dict[str, list[re.Pattern[str]]] = {IMAGE: [], NAME: [], LABEL: []}
    if images:
        found[IMAGE].append(_compiled(images, "BEACON_IMAGES"))
    for name, rule in rules.items():
        place = f"[Rules.{shown(name)}]"
        if rule.type.casefold() not in found:
            raise PermanentError(
                f"{place}: there is no rule of type {shown(rule.type)}", fix="write Type = image, name or label"
            )
        found[rule.type.casefold()].append(_compiled(rule.regex, f"Regex of {place}"))
    return Rules(**{type_: tuple(patterns) for type_, patterns in found.items()})


def _compiled(pattern: str, place: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise PermanentError(
            f"{place}: {shown(pattern)} is no regular expression: {error}", fix="write one, such as ^example/"
        ) from error


def _found(patterns: Iterable[re.Pattern[str]], texts: Iterable[str]) -> bool:
    seen = [text[:MATCHED] for text in texts]
    return any(pattern.search(text) for pattern in patterns for text in seen)
