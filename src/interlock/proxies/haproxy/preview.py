"""The configuration that HAProxy would get for a route table."""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from interlock.core.model import Match, Options, RouteTable
from interlock.host.process import unprivileged
from interlock.proxies.contract import Context, Preview
from interlock.proxies.haproxy.binary import PROGRAM, USERS
from interlock.proxies.haproxy.disk import Disk
from interlock.proxies.haproxy.own_master import OwnMaster
from interlock.proxies.haproxy.render import CONFIG, FILES, Frame, render, seatable
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.proxies.haproxy.setup import PASSWORD_FILE, Setup
from interlock.proxies.haproxy.spares import Spares
from interlock.proxies.serving import program
from interlock.proxies.serving.ledger import Ledger
from interlock.proxies.serving.preview import SECRET, as_real, scratch, texts_on_disk
from interlock.proxies.serving.sites import Site

_PASSWORD = re.compile(r"(insecure-password )'[^']*'")


async def preview(context: Context, table: RouteTable) -> Preview:
    """Render it, with the operator's template if it proves itself, and read what is on disk now.

    Raises:
        PermanentError: a setting, the template or a certificate cannot be used, or there is no HAProxy.
        TemporaryError: HAProxy came to no verdict on the template.
    """
    settings: HaproxySettings = context.settings
    found = await program.find(PROGRAM, settings.binary)
    with scratch(context) as paper:
        disk = Disk(paper.state_dir, paper.run_dir, settings.config_path, unprivileged(USERS))
        known = msgspec.structs.replace(settings, admin_pass=settings.admin_pass or _generated(context.state_dir))
        setup = Setup(known, disk, OwnMaster(found, disk))
        await setup.choose_template(())
        frame = as_real(setup.frame, paper, context)
    config = Path(settings.config_path or context.state_dir / CONFIG)
    sites = Ledger().wanted(table)
    files = render(frame, sites).files
    return Preview(
        files=_without_password(files),
        on_disk=_without_password(texts_on_disk(config, FILES)),
        seats=partial(_seats, frame, sites),
    )


def _seats(
    frame: Frame, sites: Sequence[Site], new: Mapping[Match, Options], _hosts: Collection[str]
) -> Collection[Match]:
    """Those that fit into what is most likely loaded: the spares beside all others."""
    spares = Spares()
    spares.load(render(frame, [site for site in sites if site.match not in new]).spares)
    fitting = ((match, options, seatable(frame, match, options)) for match, options in new.items())
    return tuple(match for match, options, rules in fitting if rules and spares.take(match, options, rules))


def _generated(state_dir: Path) -> str:
    """The password that was made at the first start: it is part of what names a configuration."""
    return texts_on_disk(state_dir / PASSWORD_FILE, (PASSWORD_FILE,)).get(PASSWORD_FILE, "").strip() or SECRET


def _without_password(texts: Mapping[str, str]) -> Mapping[str, str]:
    return {name: _PASSWORD.sub(rf"\1'{SECRET}'", text) for name, text in texts.items()}
