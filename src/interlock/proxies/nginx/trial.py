"""Whether a template makes a configuration that NGINX takes, and that Interlock can change while it runs."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from interlock.host.process import Ended, unprivileged
from interlock.host.slices import in_thread
from interlock.proxies.nginx.binary import HTTP2_BY_ITSELF, PROGRAM, STATUS_MODULE, USERS, spare_temp_paths
from interlock.proxies.nginx.disk import Disk
from interlock.proxies.nginx.frame import BUILTIN, CONFIG, Certificates, Frame, Live, Pair
from interlock.proxies.nginx.lookup import HOSTS_MAP
from interlock.proxies.nginx.master import messages
from interlock.proxies.nginx.own_master import OwnMaster
from interlock.proxies.nginx.pools import SHARED, has_pool, upstream_name
from interlock.proxies.nginx.quoting import word
from interlock.proxies.nginx.render import Rendered, render
from interlock.proxies.serving import program
from interlock.proxies.serving.samples import samples
from interlock.proxies.serving.sites import Site
from interlock.proxies.serving.templating import TemplateError

_PLACE = re.compile(r"\[emerg\].* in \S*/(nginx\.conf|server\.conf|tls\.conf):(\d+)$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*#.*\n", re.MULTILINE)

CertificatesOf = Callable[[Sequence[Site]], Certificates]


async def prove(
    frame: Frame,
    sites: Sequence[Site],
    certificates_of: CertificatesOf,
    write: Callable[[Mapping[str, str]], None],
    check: Callable[[], Awaitable[Ended]],
) -> None:
    """Fill the frame's template in with sample sites and with real ones, and have NGINX judge the samples.

    Args:
        frame: with the template.
        sites: what is served, or wanted; NGINX judges them when they are loaded.
        certificates_of: the operator's certificates for some sites.
        write: writes files where NGINX's check finds them.
        check: NGINX's.

    Raises:
        TemplateError: it cannot be filled in, lacks what live changes need, or makes what NGINX refuses.
        TemporaryError: NGINX came to no verdict.
    """
    rendered = await in_thread(render_samples, frame, certificates_of)
    await in_thread(lambda: render(frame, sites, certificates_of(sites)))
    await in_thread(write, rendered.files)
    ended = await check()
    if ended.code:
        raise _refusal(frame, rendered, ended.output)


def _refusal(frame: Frame, rendered: Rendered, output: str) -> TemplateError:
    """What NGINX said, with the line that it points at, and the template's if it is there in the same words."""
    why = messages(output) or output.strip()[-200:]
    place = _PLACE.search(output)
    line = rendered.files[place[1]].splitlines()[int(place[2]) - 1].strip() if place is not None else ""
    return frame.template.refusal("NGINX", line, why)


def render_samples(frame: Frame, certificates_of: CertificatesOf) -> Rendered:
    """The configuration of the sample sites.

    Raises:
        TemplateError: the template cannot be filled in, or lacks what live changes need.
    """
    sites = samples(verified=True)
    rendered = render(frame, sites, certificates_of(sites))
    missing = list(lacks(frame, rendered, sites))
    if missing:
        fix = 'add it, or extend the built-in template: {% extends "builtin/nginx.conf.j2" %}'
        raise TemplateError(f"it lacks {'; '.join(missing[:3])}", file=_file(frame), fix=fix)
    return rendered


def lacks(frame: Frame, rendered: Rendered, sites: Iterable[Site]) -> Iterable[str]:
    """What of all that Interlock relies on is not in a configuration, with what it is needed for."""
    words = f" {' '.join(' '.join(map(_without_comments, rendered.files.values())).split())} "
    for needed, what in (*_needed(frame, rendered), *(_LIVE if frame.live is not None else ())):
        if needed not in words:
            yield what
    names = [upstream_name(site) for site in sites if has_pool(site, frame)]
    names += [SHARED] if frame.live is not None else []
    if any(words.count(f" upstream {name} {{ ") != 1 for name in names):
        yield "an upstream block for each of the pools, once: `{{ pools | indented }}`"


def _needed(frame: Frame, rendered: Rendered) -> Iterable[tuple[str, str]]:
    """Words of every configuration, and what to say where they are not there."""
    yield " daemon off; ", "`daemon off;`, since Interlock watches over NGINX"
    socket = word(f"unix:{frame.control_socket}")
    yield f" listen {socket}; ", '`listen {{ ("unix:" ~ frame.control_socket) | word }};`, over which NGINX is asked'
    answer = f'return 200 "interlock {rendered.generation} $pid\\n";'
    yield f" location = /generation {{ {answer} }} ", "`location = /generation` there, by which a reload is confirmed"
    yield f" include {HOSTS_MAP}; ", "`{{ lookup | indented }}`, by which a request's site is found"
    yield " map $interlock_site $interlock_pool { ", "`{{ traits | indented }}`, by which a site's pool is found"
    yield _PASSED_ON, f"`{_PASSED_ON}`, by which requests reach it"


_PASSED_ON = "proxy_pass $interlock_scheme://$interlock_pool$interlock_uri;"
_LIVE = (
    (
        ' init_by_lua_block { require("interlock").load(',
        "the `init_by_lua_block` of the built-in template, which reads the servers of a start",
    ),
    (
        ' set_by_lua_block $interlock_answer { return require("interlock").answer() } ',
        "the `set_by_lua_block` of the built-in template, which finds a request's servers",
    ),
    (
        ' log_by_lua_block { require("interlock").done() } ',
        "the `log_by_lua_block` of the built-in template, which counts requests",
    ),
    (
        ' location = /put { content_by_lua_block { require("interlock").put() } } ',
        "`location = /put` at the control socket, over which servers are changed",
    ),
    (
        ' location = /get { content_by_lua_block { require("interlock").get() } } ',
        "`location = /get` at the control socket, over which servers are seen",
    ),
)
"""The same, where NGINX has Lua."""


def _without_comments(text: str) -> str:
    return _COMMENT.sub("", text)


def _file(frame: Frame) -> str:
    return frame.template.shown(f"{CONFIG}.j2")


async def check_file(path: Path, folder: Path, binary: str) -> str:
    """Try out a template without a running NGINX: with plain settings, with all of them, and with Lua.

    Args:
        path: the template.
        folder: for what is made of it; open to everybody.
        binary: path of NGINX; "" for the one that is installed.

    Returns:
        Which NGINX judged what it makes with plain settings; "" where none is installed.

    Raises:
        TemplateError: it cannot be filled in, lacks what live changes need, or makes what NGINX refuses.
        PermanentError: that NGINX cannot be used.
    """
    disk = Disk(folder / "state", folder / "run", "", unprivileged(USERS))
    plain = Frame(
        control_socket=str(disk.control_socket),
        pid_file=str(disk.pid_file),
        temp_dir=str(disk.temp_dir),
        http_port=8080,
        template=BUILTIN.replaced(path),
    )
    full = msgspec.structs.replace(
        plain, https_port=8443, syslog="127.0.0.1:514", trusted=("10.0.0.0/8",), backend_ca="/ca.pem", buffering=True
    )
    live = msgspec.structs.replace(plain, live=Live(("/lua.so",), "/lua", "/records.txt"))
    for frame in (plain, full, live):
        await in_thread(render_samples, frame, _sample_certificates)
    if not (binary or program.candidates(PROGRAM, "")):
        return ""
    found = await program.find(PROGRAM, binary)
    version = {
        "spare_temp_paths": spare_temp_paths(found),
        "has_status": STATUS_MODULE in found.answer,
        "http2_by_itself": found.version >= HTTP2_BY_ITSELF,
    }
    frame = msgspec.structs.replace(plain, **version)
    await prove(frame, (), _no_certificates, disk.write_candidate, OwnMaster(found, disk).check)
    return found.banner


def _sample_certificates(sites: Sequence[Site]) -> Certificates:
    pair = Pair("/sample.pem", "/sample.key")
    return Certificates({site.match.host: pair for site in sites[::2]}, default=pair)


def _no_certificates(_sites: Sequence[Site]) -> Certificates:
    return Certificates()
