"""Whether this NGINX can change servers without a reload: it has its Lua module, and the module works."""

from importlib.resources import files as package_files
from pathlib import Path

import structlog

from interlock.core.problems import InterlockError
from interlock.host import files
from interlock.proxies.nginx.frame import Certificates, Frame, Live
from interlock.proxies.nginx.master import Master, messages
from interlock.proxies.nginx.render import RECORDS, render

log = structlog.get_logger()

SCRIPT = "interlock.lua"


async def install(master: Master) -> Live | None:
    """Put our Lua where NGINX can read it; None where NGINX has no Lua."""
    modules, disk = await master.lua_modules(), master.disk
    if modules is None:
        return None
    folder = files.folder(disk.state_dir / "lua", group=disk.group)
    text = (package_files("interlock.proxies.nginx") / SCRIPT).read_text()
    files.write(folder / SCRIPT, text, group=disk.group, lasting=False)
    return Live(modules, str(folder), str(Path(disk.config).parent / RECORDS))


async def works(frame: Frame, master: Master) -> bool:
    """Whether NGINX takes a configuration with Lua in it and no site."""
    master.disk.write_candidate(render(frame.on_trial, (), Certificates()).files)
    try:
        ended = await master.check()
    except InterlockError as error:
        log.warning(f"[{master.name}] its Lua module is not used: {error}")
        return False
    if ended.code != 0:
        log.warning(
            f"[{master.name}] its Lua module is not used: {messages(ended.output) or ended.output.strip()[-200:]}"
        )
    return ended.code == 0
