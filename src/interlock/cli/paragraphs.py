"""Text that fits the terminal."""

import shutil
import textwrap
from collections.abc import Sequence

NARROWEST = 40
"""Columns that a paragraph has at least, however narrow the terminal is."""


def paragraph(text: str, *, at: int) -> Sequence[str]:
    """The text in lines that begin in column `at`. No word is broken, so that what is to be pasted stays whole."""
    width = max(shutil.get_terminal_size().columns, at + NARROWEST)
    indent = " " * at
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent]
