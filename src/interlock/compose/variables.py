"""Files of variables: ``.env`` beside a Compose file, and what a service's ``env_file`` names."""

import re

_NAME = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)")
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*+)\"""")
_COMMENT = re.compile(r"\s#")
_ESCAPED = re.compile(r"\\(.)")
_MEANS = {"n": "\n", "r": "\r", "t": "\t"}


def read_variables(text: str) -> dict[str, str]:
    """``NAME=value`` lines. Quotes around a value and comments are taken off; what is no such line is passed over."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        named, equals, value = line.partition("=")
        name = _NAME.fullmatch(named.strip())
        if equals and name is not None:
            found[name[1]] = _unquoted(value.strip())
    return found


def _unquoted(value: str) -> str:
    quoted = _QUOTED.match(value)
    if quoted is None:
        return _COMMENT.split(f" {value}", maxsplit=1)[0].strip()
    if quoted[1] is not None:
        return quoted[1]
    return _ESCAPED.sub(lambda escaped: _MEANS.get(escaped[1], escaped[1]), quoted[2])
