"""What the operator set for NGINX: settings, certificates, a template and Lua -> the loader of configurations."""

import msgspec

from interlock.core.problems import PermanentError
from interlock.host import files
from interlock.host.process import Identity, unprivileged
from interlock.proxies.contract import Context
from interlock.proxies.nginx import build, lua
from interlock.proxies.nginx.binary import USERS
from interlock.proxies.nginx.certificates import Store
from interlock.proxies.nginx.frame import BUILTIN, Frame
from interlock.proxies.nginx.loader import Loader
from interlock.proxies.nginx.master import Master
from interlock.proxies.nginx.settings import NginxSettings
from interlock.proxies.serving.disk import Disk
from interlock.proxies.serving.ledger import Ledger
from interlock.proxies.serving.program import Binary
from interlock.proxies.serving.template_choice import TemplateChoice


def identity_of(settings: NginxSettings) -> Identity | None:
    """Whom NGINX runs as; None for Interlock's own user. Raises PermanentError for root."""
    identity = unprivileged((settings.user,) if settings.user else USERS)
    if identity is not None and identity.uid == 0:
        raise PermanentError("NGINX_USER=root: NGINX is not run as root", fix="name another user, or remove it")
    return identity


def frame_of(context: Context, binary: Binary, store: Store) -> Frame:
    """The frame without Lua, and with the built-in template. Raises PermanentError."""
    return build.build_frame(
        context.settings,
        binary,
        socket=context.run_dir / "control.sock",
        pid_file=context.run_dir / "nginx.pid",
        temp_dir=context.state_dir / "temp",
        https=store.has_any(),
    )


async def set_up(context: Context, binary: Binary, disk: Disk, master: Master, ledger: Ledger) -> Loader:
    """The loader, with Lua if NGINX has it and takes it. Writes into the context's own folders only.

    Raises:
        PermanentError: a setting cannot be written into the configuration.
    """
    settings: NginxSettings = context.settings
    files.folder(context.state_dir / "temp", mode=0o770, group=disk.group)
    store = Store(settings.ssl_cert_dir, disk.state_dir / "certificates", group=disk.group)
    frame = frame_of(context, binary, store)
    live = lua.install(binary, disk) if settings.live_servers else None
    with_lua = msgspec.structs.replace(frame, live=live)
    templates = TemplateChoice(
        "nginx",
        BUILTIN,
        setting="NGINX_TEMPLATE_PATH",
        path=settings.template_path,
        disk=disk,
    )
    return Loader(
        with_lua if live is not None and await lua.works(with_lua, disk, master) else frame,
        templates=templates,
        store=store,
        disk=disk,
        master=master,
        ledger=ledger,
    )
