"""What the operator set for NGINX: settings, certificates, a template and Lua -> the loader of configurations."""

import msgspec

from interlock.proxies.nginx import build, lua
from interlock.proxies.nginx.certificates import Store
from interlock.proxies.nginx.frame import BUILTIN, Frame
from interlock.proxies.nginx.loader import Loader
from interlock.proxies.nginx.master import Master
from interlock.proxies.nginx.settings import NginxSettings
from interlock.proxies.serving.ledger import Ledger
from interlock.proxies.serving.template_choice import TemplateChoice


def frame_of(settings: NginxSettings, master: Master, store: Store) -> Frame:
    """The frame without Lua, and with the built-in template. Raises PermanentError."""
    return build.build_frame(
        settings, master.binary, master.disk, most_open_files=master.most_open_files, https=store.has_any()
    )


async def set_up(settings: NginxSettings, master: Master, ledger: Ledger) -> Loader:
    """The loader, with Lua if NGINX has it and takes it. Writes into the folders of the master's disk only.

    Raises:
        PermanentError: a setting cannot be written into the configuration.
    """
    disk = master.disk
    store = Store(settings.ssl_cert_dir, disk.state_dir / "certificates", group=disk.group)
    frame = frame_of(settings, master, store)
    live = await lua.install(master) if settings.live_servers else None
    with_lua = msgspec.structs.replace(frame, live=live)
    templates = TemplateChoice(
        master.name,
        BUILTIN,
        setting="NGINX_TEMPLATE_PATH",
        path=settings.template_path,
        disk=disk,
    )
    return Loader(
        with_lua if live is not None and await lua.works(with_lua, master) else frame,
        templates=templates,
        store=store,
        master=master,
        ledger=ledger,
    )
