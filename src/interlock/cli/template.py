"""`interlock template`: the operator's templates checked, and the built-in ones shown."""

import asyncio
import enum
import os
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from interlock.cli.arguments import AsJson
from interlock.cli.spec import DEFAULT_PLUGIN
from interlock.core.problems import shown
from interlock.proxies.haproxy import render as haproxy_render
from interlock.proxies.haproxy import trial as haproxy_trial
from interlock.proxies.nginx import frame as nginx_frame
from interlock.proxies.nginx import trial as nginx_trial
from interlock.proxies.serving.templating import Template, TemplateError, builtin_names, builtin_text
from interlock.settings import Flags, SettingsError
from interlock.settings.faults import suggestion

WRONG = 2
"""Exit code for a template that cannot be used: what was written is wrong."""


class Action(enum.StrEnum):
    """What to do."""

    CHECK = "check"
    SHOW = "show"


class Templated(NamedTuple):
    """A proxy whose configuration can be templated."""

    package: str
    builtin: Template
    check_file: Callable[[Path, Path, str], Coroutine[Any, Any, str]]
    variable: str
    """Names the proxy's program."""


PROXIES = {
    "haproxy": Templated(
        "interlock.proxies.haproxy", haproxy_render.BUILTIN, haproxy_trial.check_file, "HAPROXY_BINARY"
    ),
    "nginx": Templated("interlock.proxies.nginx", nginx_frame.BUILTIN, nginx_trial.check_file, "NGINX_BINARY"),
}


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a template."""

    file: str
    line: int
    """0 where no line is to blame."""
    what: str
    fix: str


class Checked(msgspec.Struct, frozen=True):
    """What `template check` says."""

    plugin: str
    file: str
    judged_by: str
    """The proxy that judged what the template makes; "" where none is installed, or none was asked any more."""
    fault: Fault | None = None


def template(
    ctx: typer.Context,
    *,
    action: Annotated[
        Action, typer.Argument(metavar="check|show", help="Check a template of your own, or show a built-in one.")
    ],
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Your template; for show, which built-in one where there are several.")
    ] = "",
    json: AsJson = False,
) -> int:
    """Check a template of your own, or show a built-in one.

    A checked template is filled in for sample sites with everything that a route can ask for, searched for what live
    changes need, and judged by the proxy itself, where it is installed. --plugin says which proxy it is for (haproxy
    without). No daemon is needed. HAPROXY_TEMPLATE_PATH or NGINX_TEMPLATE_PATH (TemplatePath in the file) puts it to
    use; docs/templates.md tells the variables.

    Exit codes: 0 the template can be used; 2 it cannot, with the line to blame.

    Example: interlock template check --plugin nginx nginx.conf.j2
    """
    flags: Flags = ctx.obj
    name, proxy = _proxy(flags)
    if action is Action.SHOW:
        typer.echo(_builtin(proxy, file or proxy.builtin.main), nl=False)
        return 0
    if not file:
        raise SettingsError("which template?", fix="name its file: interlock template check FILE")
    checked = _check(name, proxy, Path(file))
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(checked)).decode())
    else:
        _tell(checked)
    return WRONG if checked.fault is not None else 0


def _proxy(flags: Flags) -> tuple[str, Templated]:
    names = flags.plugins or (DEFAULT_PLUGIN,)
    if len(names) > 1:
        raise SettingsError("--plugin names several proxies, and a template is for one", fix="name one")
    name = names[0].casefold()
    if name not in PROXIES:
        fix = suggestion(name, PROXIES, otherwise=f"name one of {', '.join(PROXIES)}")
        raise SettingsError(f"{shown(name)} has no templates", fix=fix)
    return name, PROXIES[name]


def _builtin(proxy: Templated, name: str) -> str:
    text = builtin_text(proxy.package, name)
    if text is None:
        names = builtin_names(proxy.package)
        fix = suggestion(name, names, otherwise=f"there are {', '.join(names)}")
        raise SettingsError(f"there is no built-in template {shown(name)}", fix=fix)
    return text


def _check(name: str, proxy: Templated, path: Path) -> Checked:
    with tempfile.TemporaryDirectory(prefix="interlock-template-") as folder:
        Path(folder).chmod(0o755)  # the proxy judges as an unprivileged user
        try:
            judge = asyncio.run(proxy.check_file(path, Path(folder), os.environ.get(proxy.variable, "")))
        except TemplateError as error:
            return Checked(name, str(path), "", Fault(error.file, error.line, error.bare, error.fix))
    return Checked(name, str(path), judge)


def _tell(checked: Checked) -> None:
    fault = checked.fault
    if fault is None:
        judge = checked.judged_by or f"no {checked.plugin} is installed to judge what it makes"
        typer.echo(f"{shown(checked.file)}: good for {checked.plugin} ({judge})")
        return
    place = f"{shown(fault.file)}, line {fault.line}" if fault.line else shown(fault.file)
    typer.echo(f"interlock: {place}: {fault.what}", err=True)
    typer.echo(f"fix: {fault.fix}", err=True)
