"""Whether a template makes a configuration that HAProxy takes, and that Interlock can change while it runs."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from interlock.host.process import Ended, unprivileged
from interlock.host.slices import in_thread
from interlock.proxies.haproxy.binary import PROGRAM, USERS
from interlock.proxies.haproxy.disk import Disk
from interlock.proxies.haproxy.master import alerts
from interlock.proxies.haproxy.names import MAINTENANCE_BACKEND, UNKNOWN_BACKEND, backend_name
from interlock.proxies.haproxy.own_master import OwnMaster
from interlock.proxies.haproxy.render import BUILTIN, CONFIG_TEMPLATE, ROUTES_MAP, Frame, Rendered, piece, render
from interlock.proxies.serving import program
from interlock.proxies.serving.samples import samples
from interlock.proxies.serving.sites import Site
from interlock.proxies.serving.templating import TemplateError

_SECTION = re.compile(r"^(?=backend )", re.MULTILINE)
_PLACE = re.compile(r"\[ALERT\].*haproxy\.cfg:(\d+)\]")
_COMMENT = re.compile(r"^\s*#.*\n", re.MULTILINE)


async def prove(
    frame: Frame,
    sites: Sequence[Site],
    write: Callable[[Mapping[str, str]], None],
    check: Callable[[], Awaitable[Ended]],
) -> None:
    """Fill the frame's template in with sample sites and with real ones, and have HAProxy judge the samples.

    Args:
        frame: with the template.
        sites: what is served, or wanted; HAProxy judges them when they are loaded.
        write: writes files where HAProxy's check finds them.
        check: HAProxy's.

    Raises:
        TemplateError: it cannot be filled in, lacks what live changes need, or makes what HAProxy refuses.
        TemporaryError: HAProxy came to no verdict.
    """
    rendered = await in_thread(render_samples, frame)
    await in_thread(render, frame, sites)
    await in_thread(write, rendered.files)
    ended = await check()
    if ended.code:
        raise _refusal(frame, rendered, ended.output)


def _refusal(frame: Frame, rendered: Rendered, output: str) -> TemplateError:
    """What HAProxy said, with the line that it points at, and the template's if it is there in the same words."""
    place = _PLACE.search(output)
    line = rendered.config.splitlines()[int(place[1]) - 1].strip() if place is not None else ""
    return frame.template.refusal("HAProxy", line, alerts(output))


def render_samples(frame: Frame) -> Rendered:
    """The configuration of the sample sites.

    Raises:
        TemplateError: the template cannot be filled in, or lacks what live changes need.
    """
    sites = samples(verified=bool(frame.backend_ca))
    rendered = render(frame, sites)
    missing = list(lacks(frame, rendered, sites))
    if missing:
        fix = 'add it, or extend the built-in template: {% extends "builtin/haproxy.cfg.j2" %}'
        raise TemplateError(f"it lacks {'; '.join(missing[:3])}", file=_file(frame), fix=fix)
    return rendered


def lacks(frame: Frame, rendered: Rendered, sites: Iterable[Site]) -> Iterable[str]:
    """What of all that Interlock relies on is not in a configuration, with what it is needed for."""
    text = _COMMENT.sub("", rendered.config)
    words = f" {' '.join(text.split())} "
    if not re.search(rf" stats socket {re.escape(frame.admin_socket)} [^#]*?level admin expose-fd listeners ", words):
        yield "`stats socket {{ frame.admin_socket }} level admin expose-fd listeners`, over which servers are changed"
    for needed, what in _NEEDED:
        if needed.format(generation=rendered.generation) not in words:
            yield what
    sections = {part.split()[1]: part for part in _SECTION.split(text) if part.startswith("backend ")}
    for site in sites:
        if not site.has_backend:
            continue
        section = sections.get(backend_name(site.match))
        if section is None:
            yield "a section for each of the backends: `{{ backends }}`"
        elif section.count(piece(frame, site).servers) != 1 and site.servers:
            yield "`{{ backend.servers }}` in the section of each backend, once"
        else:
            continue
        return


_NEEDED = (
    (" default-path config ", "`default-path config`, by which the maps are found beside the configuration"),
    (
        " set-var proc.interlock_generation str({generation}) ",
        "`set-var proc.interlock_generation str({{ generation }})`, by which a reload is confirmed",
    ),
    (f"map_beg({ROUTES_MAP})", "`map_beg({{ routes_map }})`, by which a request's backend is found"),
    (f" backend {UNKNOWN_BACKEND} ", "`backend {{ unknown_backend }}`, for hosts that nobody asked for"),
    (f" backend {MAINTENANCE_BACKEND} ", "`backend {{ maintenance_backend }}`, for hosts that are closed"),
)
"""Words of the configuration, and what to say where they are not there."""


def _file(frame: Frame) -> str:
    return frame.template.shown(CONFIG_TEMPLATE)


async def check_file(path: Path, folder: Path, binary: str) -> str:
    """Try out a template without a running HAProxy: with plain settings, and with all of them.

    Args:
        path: the template.
        folder: for what is made of it; open to everybody.
        binary: path of HAProxy; "" for the one that is installed.

    Returns:
        Which HAProxy judged what it makes with plain settings; "" where none is installed.

    Raises:
        TemplateError: it cannot be filled in, lacks what live changes need, or makes what HAProxy refuses.
        PermanentError: that HAProxy cannot be used.
    """
    disk = Disk(folder / "state", folder / "run", "", unprivileged(USERS))
    plain = Frame(
        admin_socket=str(disk.admin_socket),
        state_file=str(disk.server_state),
        http_port=8080,
        stats_password="sample",  # noqa: S106 - nobody will ever ask for it
        template=BUILTIN.replaced(path),
    )
    full = msgspec.structs.replace(
        plain,
        https_port=8443,
        certificates="/certificates",
        https_options=("no-tlsv12", "strict-sni"),
        backend_ca="/ca.pem",
        pid_file="/haproxy.pid",
        syslog="127.0.0.1:514",
        trusted=("10.0.0.0/8", "fd00::/8"),
    )
    for frame in (plain, full):
        await in_thread(render_samples, frame)
    if not (binary or program.candidates(PROGRAM, "")):
        return ""
    found = await program.find(PROGRAM, binary)
    await prove(plain, (), disk.write_candidate, OwnMaster(found, disk).check)
    return found.banner
