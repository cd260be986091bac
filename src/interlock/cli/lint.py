"""`interlock lint`: Compose files, before they are deployed."""

import enum
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from interlock.cli.receipts import counted
from interlock.core.problems import Severity, shown
from interlock.lint import ComposeFile, Finding, Rule, examine, github_lines, json_text, text_lines
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.settings import SettingsError, read_options

FOUND = 1
"""Exit code where a file has a mistake that counts."""
STDIN = "-"
COLOURS = {Severity.WARNING: "yellow", Severity.ERROR: "red"}


class Format(enum.StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def lint(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Compose files of any format; each is a project. - is stdin.")
    ],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; the same as --format json.")] = False,
    format_: Annotated[
        Format, typer.Option("--format", metavar="FORMAT", help="text, json, or github: annotations of a workflow.")
    ] = Format.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings count as errors.")] = False,
    ignore: Annotated[
        list[Rule] | None,
        typer.Option("--ignore", metavar="RULE", show_default=False, help="Rule to leave out; may be repeated."),
    ] = None,
) -> int:
    """Find mistakes in Compose files before they are deployed.

    Needs no engine and no running Interlock. Variables come from the environment and from .env beside each file; hosts
    and ports are compared over all files.

    Exit codes: 0 there are no errors (with --strict: nor warnings); 1 there are; 2 a file cannot be read.

    Example: interlock lint compose.yaml ../shop/compose.yaml
    """
    sources = [ComposeFile("stdin" if name == STDIN else name, _read(name)) for name in files]
    seconds = _request_seconds()
    findings = examine(sources, os.environ, ignored=ignore or (), request_seconds=seconds)
    _print(Format.JSON if json else format_, [source.name for source in sources], findings)
    counts = any(strict or finding.severity is Severity.ERROR for finding in findings)
    return FOUND if counts else 0


def _read(name: str) -> str:
    """Raises SettingsError."""
    try:
        content = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
    except OSError as error:
        raise SettingsError(f"{shown(name)} cannot be read: {error.strerror}", fix="name a Compose file") from None
    return content.decode("utf-8", "replace").removeprefix("\ufeff")


def _request_seconds() -> float:
    settings = read_options(HaproxySettings, table={}, environ=os.environ, where="")
    return settings.server_timeout / 1000


def _print(format_: Format, names: Sequence[str], findings: Sequence[Finding]) -> None:
    match format_:
        case Format.JSON:
            typer.echo(json_text(names, findings))
        case Format.GITHUB:
            for line in github_lines(findings):
                typer.echo(line)
        case Format.TEXT:
            _print_text(names, findings)


def _print_text(names: Sequence[str], findings: Sequence[Finding]) -> None:
    colour = False if os.environ.get("NO_COLOR") else None
    for line, severity in text_lines(findings):
        styled = line
        if severity is not None:
            head, word, rest = line.partition(f": {severity}: ")
            styled = head + word.replace(severity, typer.style(severity, fg=COLOURS[severity])) + rest
        typer.echo(styled, color=colour)
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    sums = f"{counted(errors, 'error')}, {counted(len(findings) - errors, 'warning')}"
    typer.echo(f"{sums} in {counted(len(names), 'file')}", err=True)
