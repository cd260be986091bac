"""Files of a proxy: written as a set, put back as they were."""

import os

import pytest

from interlock.core.model import Match, Options
from interlock.core.problems import PermanentError
from interlock.host.process import Identity
from interlock.proxies.serving.disk import Disk
from interlock.proxies.serving.sites import LastGood, Site

SITES = (Site(match=Match("a.com"), options=Options()),)
TEXTS = {"hosts.map": "a", "proxy.conf": "include hosts.map"}


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path / "state", tmp_path / "run", None, name="proxy.conf", config_path="")


def test_the_last_text_is_the_configuration_and_the_others_are_beside_it(disk):
    disk.write(TEXTS, "g1", SITES)
    assert disk.config.read_text() == "include hosts.map"
    assert (disk.config.parent / "hosts.map").read_text() == "a"
    assert disk.read_last_good() == LastGood(generation="g1", sites=SITES)
    disk.write_candidate({"hosts.map": "b", "proxy.conf": "c"})
    assert disk.candidate.read_text() == "c"
    assert disk.config.read_text() == "include hosts.map"


def test_the_operator_may_want_it_elsewhere(tmp_path):
    elsewhere = tmp_path / "my.conf"
    disk = Disk(tmp_path / "state", tmp_path / "run", None, name="proxy.conf", config_path=str(elsewhere))
    disk.write(TEXTS, "g1", SITES)
    assert elsewhere.read_text() == "include hosts.map"
    assert (tmp_path / "hosts.map").read_text() == "a"
    assert disk.candidate.name == "proxy.conf"


def test_what_was_there_is_put_back(disk):
    disk.write(TEXTS, "g1", SITES)
    before = disk.snapshot(TEXTS)
    disk.write({"hosts.map": "x", "proxy.conf": "y"}, "g2", ())
    disk.restore(before)
    assert disk.snapshot(TEXTS) == before
    assert disk.last_good.stat().st_mode & 0o777 == 0o600


def test_nothing_is_a_last_good_state_too_and_damage_is_said(disk):
    assert disk.read_last_good() == LastGood()
    disk.last_good.write_text("{")
    with pytest.raises(PermanentError, match="damaged"):
        disk.read_last_good()


def test_a_socket_path_that_is_too_long_is_refused(tmp_path):
    run = tmp_path / ("r" * 100)
    disk = Disk(tmp_path / "state", run, None, name="proxy.conf", config_path="")
    with pytest.raises(PermanentError, match="too long"):
        disk.check_reachable("proxy", run / "control.sock")


def test_folders_must_be_open_to_the_user_that_the_proxy_runs_as(tmp_path):
    identity = Identity("somebody", os.getuid(), os.getgid())
    disk = Disk(tmp_path / "state", tmp_path / "run", identity, name="proxy.conf", config_path="")
    tmp_path.chmod(0o600)
    try:
        with pytest.raises(PermanentError, match="somebody, who cannot enter"):
            disk.check_reachable("proxy", tmp_path / "run" / "control.sock")
    finally:
        tmp_path.chmod(0o700)
