r"""NGINX's quoting: any text -> one word of its configuration, which means that text and nothing else.

The lexer (ngx_conf_file.c) reads a backslash in quotes as an escape before a quote, a backslash, t, r and n only.
Where a value may hold variables there is no escape for a dollar, so that a variable stands for it.
"""

from interlock.core.problems import PermanentError, shown

DOLLAR = "interlock_dollar"
"""A variable whose value is a dollar; see `render`."""


def quoted(text: str) -> str:
    r"""One word where NGINX replaces no variables.

    >>> print(quoted('a "b" \\ c'))
    "a \"b\" \\ c"
    """
    if any(c < " " or c == "\x7f" for c in text):
        raise PermanentError(f"{shown(text)} has a control character, which NGINX's configuration cannot hold")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def literal(text: str) -> str:
    """One word where NGINX would replace variables: a dollar in it stays a dollar."""
    return quoted(text).replace("$", f"${{{DOLLAR}}}")


def word(text: str) -> str:
    """One word where a variable would be replaced by NGINX, but none may be meant: a file's name, a host.

    Raises:
        PermanentError: it has a dollar.
    """
    if "$" in text:
        raise PermanentError(f"{shown(text)} has a dollar, which means a variable to NGINX", fix="choose another name")
    return quoted(text)


def key(text: str) -> str:
    """The key of a `map`: the backslash makes it a plain text, even if it reads like ``default`` or a pattern."""
    return quoted(f"\\{text}")
