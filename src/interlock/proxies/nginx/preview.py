"""The configuration that NGINX would get for a route table."""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path

from interlock.core.model import Match, Options, RouteTable
from interlock.proxies.contract import Context, Preview
from interlock.proxies.nginx import seats
from interlock.proxies.nginx.binary import PROGRAM
from interlock.proxies.nginx.disk import Disk
from interlock.proxies.nginx.frame import CONFIG
from interlock.proxies.nginx.own_master import OwnMaster, identity_of
from interlock.proxies.nginx.render import render
from interlock.proxies.nginx.settings import NginxSettings
from interlock.proxies.nginx.setup import set_up
from interlock.proxies.serving import program
from interlock.proxies.serving.ledger import Ledger
from interlock.proxies.serving.preview import as_real, scratch, texts_on_disk


async def preview(context: Context, table: RouteTable) -> Preview:
    """Render it, with Lua and the operator's template if NGINX takes them, and read what is on disk now.

    Raises:
        PermanentError: a setting, the template or a certificate cannot be used, or there is no NGINX.
        TemporaryError: NGINX came to no verdict on the template.
    """
    settings: NginxSettings = context.settings
    binary = await program.find(PROGRAM, settings.binary)
    ledger = Ledger()
    sites = ledger.wanted(table)
    with scratch(context) as paper:
        user, path = identity_of(settings), settings.config_path
        disk = Disk(paper.state_dir, paper.run_dir, path, user, pid_path=settings.pid_path)
        loader = await set_up(settings, OwnMaster(binary, disk), ledger)
        await loader.choose_template(())
        frame = as_real(loader.frame, paper, context)
        seatable = frozenset(
            match for match, route in table.items() if loader.may_seat(match, route.backend.options, ())
        )
        certificates = as_real(loader.certificates_of(sites), paper, context)
    config = Path(settings.config_path or context.state_dir / CONFIG)
    files = render(frame, sites, certificates).files
    return Preview(
        files=files,
        on_disk=texts_on_disk(config, tuple(files)),
        live_servers=frame.live is not None,
        seats=partial(_seats, seatable),
    )


def _seats(seatable: Collection[Match], new: Mapping[Match, Options], hosts: Collection[str]) -> Collection[Match]:
    return tuple(match for match, options in new.items() if match in seatable and seats.fits(match, options, hosts))
