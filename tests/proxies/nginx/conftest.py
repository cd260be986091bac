"""Every NGINX at hand, those with its Lua module in both ways."""

import shutil
import subprocess
from pathlib import Path

import pytest

from interlock.proxies.nginx import PLUGIN
from interlock.proxies.nginx.binary import PROGRAM, lua_modules
from interlock.proxies.serving.program import Binary, candidates

BINARIES = sorted({path for path in candidates(PROGRAM, "") if Path(path).is_file()})


def _has_lua(path):
    answer = subprocess.run([path, "-V"], capture_output=True, text=True, check=True).stderr
    return lua_modules(Binary(path, (0,), "", answer)) is not None


@pytest.fixture
def plugin():
    return PLUGIN


@pytest.fixture
def certificates(tmp_path):
    """The operator's folder of certificates; none, as long as nobody puts one there."""
    folder = tmp_path / "ssl"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


WAYS = [(path, live) for path in BINARIES for live in ((True, False) if _has_lua(path) else (False,))]


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0].split('/')[-2]}-{'lua' if way[1] else 'reloads'}")
def way(request):
    """Settings of every NGINX at hand; of one with Lua also as if it had none."""
    binary, live = request.param
    return {"binary": binary, "live_servers": live}


@pytest.fixture
async def bench(way, new_bench):
    made = await new_bench(**way)
    assert made.proxy.abilities.live_servers == way["live_servers"]
    return made
