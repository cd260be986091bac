"""The YAML of a Compose file: plain values, and on which line each of them stands.

Words are read as Compose reads them today, by YAML 1.2: ``yes`` is a text, and so is the port ``22:22``, which YAML 1.1
takes for a number in base 60.
"""

import re
from typing import Any, NamedTuple

import yaml

from interlock.core.problems import PermanentError, shown

DEEPEST = 40
MOST_VALUES = 100_000
"""Values in a file, aliases followed; a real one has some hundreds."""

Path = tuple[str, ...]
"""Where a value stands: the keys that lead to it, an item of a list by its number from 0."""

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"


class _Loader(yaml.SafeLoader):
    """Builds the tree of nodes; what they mean is decided here."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as its base has it


for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]{1,18}", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
):
    for _character in _first:
        _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern})$"), [_character.strip("\0")])


class Document(NamedTuple):
    """One file, read."""

    value: Any
    lines: dict[Path, int]
    """Line of each value, from 1."""
    repeated: tuple[tuple[Path, int], ...] = ()
    """Keys that stand in their mapping already, with the line of the repetition, which counts."""


def read_document(text: str) -> Document:
    """Read YAML, which JSON is too. Raises PermanentError that says on which line it can't be read."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        fix = "indent with spaces, and put single quotes around a value that has a colon, a brace or a quote in it"
        raise PermanentError(f"{where}is no YAML: {shown(error.problem or error.context or '')}", fix=fix) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise PermanentError(f"is no YAML: {shown(str(error))}", fix="write plain text in UTF-8") from error
    reader = _Reader()
    value = reader.read(root, ()) if root is not None else None
    return Document(value, reader.lines, tuple(reader.repeated))


class _Reader:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.repeated: list[tuple[Path, int]] = []
        self._count = 0

    def read(self, node: yaml.Node, path: Path) -> Any:
        self._count += 1
        if self._count > MOST_VALUES or len(path) > DEEPEST:
            raise PermanentError(f"has more than {MOST_VALUES} values, or {DEEPEST} levels", fix="write a smaller file")
        self.lines.setdefault(path, node.start_mark.line + 1)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return [self.read(item, (*path, str(number))) for number, item in enumerate(node.value)]
            case _:
                return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    found = self.read(source, path)
                    merged = (found if isinstance(found, dict) else {}) | merged
                continue
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            line = key.start_mark.line + 1
            if name in own:
                self.repeated.append(((*path, name), line))
            self.lines[(*path, name)] = line
            own[name] = self.read(value, (*path, name))
        return merged | own


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    match node.tag.removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return bool(node.value.lower() == "true")
        case "int":
            return int(node.value)
        case "float":
            return float(node.value)
        case _:
            return str(node.value)
