"""The hosts file follows the routes, and is as it was when the plugin has ended."""

import subprocess

import pytest

from interlock.core.model import Options
from interlock.core.problems import PermanentError
from interlock.core.status import RoutesStatus, RouteStatus
from interlock.plugins.hosts import PLUGIN, observer
from interlock.plugins.hosts.settings import HostsSettings

OLD = b"127.0.0.1 localhost"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(observer, "PAUSE", 0.01)
    path = tmp_path / "hosts"
    path.write_bytes(OLD)
    path.chmod(0o604)
    return path


def route(scene, *hosts):
    routes = tuple(RouteStatus(host=host, path="/", backend=Options(), servers=()) for host in hosts)
    scene.routes = RoutesStatus(routes=routes, problems=())


def hosts(scene, path, **settings):
    return PLUGIN.build(scene.context(HostsSettings(**{"file": str(path)} | settings)))


async def test_names_come_and_go_with_the_routes_and_all_go_at_the_end(scene, path):
    route(scene, "demo.interlock.com")
    async with scene.running(hosts(scene, path)):
        await scene.until(lambda: b"127.0.0.1\tdemo.interlock.com\n" in path.read_bytes())
        assert path.read_bytes().startswith(OLD)
        route(scene, "other.interlock.com", "*.interlock.com")
        scene.tell_event("start")
        await scene.until(lambda: b"other.interlock.com" in path.read_bytes())
        assert b"demo" not in path.read_bytes()
        assert b"*" not in path.read_bytes()
    assert path.read_bytes() == OLD
    assert path.stat().st_mode & 0o777 == 0o604


@pytest.fixture
def mounted(path, tmp_path):
    """The file as a container sees its /etc/hosts: nothing can be renamed over it."""
    target = tmp_path / "mounted"
    target.touch()
    subprocess.run(["mount", "--bind", path, target], check=True)
    yield target
    subprocess.run(["umount", target], check=True)


@pytest.mark.real
async def test_a_file_that_is_mounted_is_written_in_place(scene, path, mounted):
    route(scene, "demo.interlock.com")
    async with scene.running(hosts(scene, mounted)):
        await scene.until(lambda: b"demo.interlock.com" in path.read_bytes())
    assert path.read_bytes() == OLD


@pytest.mark.parametrize("settings", [{"file": "/no/such/file"}, {"address": ()}, {"address": ("localhost",)}])
async def test_settings_that_cannot_work_are_refused_with_a_fix(scene, path, settings):
    with pytest.raises(PermanentError) as caught:
        hosts(scene, path, **settings)
    assert "HOSTS_" in caught.value.fix


async def test_a_file_that_is_not_text_is_left_alone(scene, path):
    path.write_bytes(b"\xff\n")
    with pytest.raises(PermanentError, match="cannot be read"):
        await hosts(scene, path).run(scene._read())
    assert path.read_bytes() == b"\xff\n"
