"""Finds the configuration file, or the text that stands for it, and parses it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from interlock.core.problems import Problem, Severity
from interlock.settings.faults import SettingsError, fault

CONFIG_FLAG = "--config"
CONFIG_VARIABLE = "INTERLOCK_CONFIG"


class Document(msgspec.Struct, frozen=True):
    """A parsed configuration."""

    table: Mapping[str, object] = {}
    where: str = ""
    """For messages: the file's path, or the variable; "" when there is no configuration at all."""
    warnings: tuple[Problem, ...] = ()


def find_document(path: str, environ: Mapping[str, str]) -> Document:
    """Read the file of `--config`, else the text in INTERLOCK_CONFIG; without both the document is empty.

    Raises SettingsError.
    """
    text = environ.get(CONFIG_VARIABLE, "")
    if path:
        warning = fault(
            CONFIG_VARIABLE,
            None,
            f"is ignored, because {CONFIG_FLAG} {path} is given",
            f"unset {CONFIG_VARIABLE}",
            severity=Severity.WARNING,
        )
        return Document(_parse(_read(path), path), path, (warning,) if text else ())
    if not text:
        return Document()
    if _is_file(text):
        raise SettingsError.about(
            [
                fault(
                    CONFIG_VARIABLE,
                    text,
                    "names a file, but the variable holds the TOML text itself",
                    f"give the file with `interlock run {CONFIG_FLAG} {text}`, and unset {CONFIG_VARIABLE}",
                )
            ]
        )
    return Document(_parse(text, CONFIG_VARIABLE), CONFIG_VARIABLE)


def _is_file(text: str) -> bool:
    try:
        return Path(text.strip()).is_file()
    except (OSError, ValueError):
        return False  # too long or too strange to be a path, as a configuration is


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        fix = f"check the path, or write one with `interlock spec > {path}`"
        raise SettingsError.about([fault(CONFIG_FLAG, path, "does not exist", fix)]) from None
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise SettingsError.about([fault(CONFIG_FLAG, path, what, "name a file that this user may read")]) from None
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 text (byte {error.start})"
        raise SettingsError.about([fault(CONFIG_FLAG, path, what, "save the file as UTF-8")]) from None


def _parse(text: str, where: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fix = "mend that line; `interlock spec` prints a valid configuration"
        raise SettingsError.about([fault(where, None, f"is not valid TOML: {error}", fix)]) from None
