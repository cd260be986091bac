"""The walk-through of the original, recorded while it happens and replayed without any of it."""

import json
import signal
import subprocess

import msgspec
import pytest

from interlock.cli.daemon import Daemon
from testbed.native import PROGRAM
from testbed.programs import environment
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

SECRET = "hunter2-of-the-database"
OTHER = 'INTERLOCK_DATA={"hostname":"shop","domain":"interlock.com"}'


def daemon_of(stage):
    """The daemon of the stage, as the command line asks it."""
    return Daemon(stage.interlock.folder / "run" / "interlock.sock")


def replayed(file):
    """What the program prints."""
    ended = subprocess.run([PROGRAM, "replay", file, "--json"], capture_output=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture
def recording(stage, docker, web_image, tmp_path):
    """The file, with a walk-through in it: scaled up, a second site with a secret, a drain, a kill, scaled down."""
    file = tmp_path / "walk.jsonl"
    recorder = subprocess.Popen(
        ["env", "--default-signal=INT", PROGRAM, "record", str(file)],  # as somebody at a terminal has it
        env=environment(INTERLOCK_RUN_DIR=str(stage.interlock.folder / "run")),
    )
    try:
        wait_for(lambda: file.exists() and file.read_bytes().count(b"\n") >= 3, "the beginning of the recording")
        stage.application.scale("web", 5)
        stage.wait_for_all()
        key = docker("run", "--detach", "--name", "shop", "--env", OTHER, "--env", f"PASSWORD={SECRET}", web_image)
        shop = stage.interlock.site("shop.interlock.com")
        wait_for(lambda: shop.get().status == 200, "the second site")
        victim = min(stage.names().values())
        daemon_of(stage).drain(victim)
        docker("kill", victim)
        stage.application.scale("web", 2)
        stage.wait_for_all()
        docker("rm", "--force", "shop")
        wait_for(lambda: shop.get().status == 404, "the end of the second site")
        wait_for(lambda: _is_over(file, key), "the end of the recording")
        recorder.send_signal(signal.SIGINT)
        assert recorder.wait(30) == 0
    finally:
        recorder.kill()
    return file


class TestTheWalkThrough:
    def test_replays_to_the_same_revisions_byte_for_byte_and_to_what_was_served(self, stage, recording):
        first, second = replayed(recording), replayed(recording)
        assert first == second
        replay = json.loads(first)
        daemon = daemon_of(stage)
        assert len(replay["routes"]) == daemon.status().routes == 1
        names = {server["name"] for server in replay["routes"][0]["servers"]}
        assert names == set(stage.names().values())
        numbers = [each.number for each in reversed(daemon.revisions(1000).revisions)]
        lived = [json.loads(msgspec.json.encode(daemon.revision(number))) for number in numbers]
        assert _ends(replay["revisions"]) == _ends(lived)

    def test_holds_no_secret(self, recording):
        text = recording.read_text()
        assert SECRET not in text
        assert "PASSWORD" not in text
        assert "shop" in text


def _ends(revisions):
    """What each route became at last."""
    return {change["host"]: change["now"] for revision in revisions for change in revision["changes"]}


def _is_over(file, key):
    """Whether the container is recorded as gone."""
    return any(b'"Vanished"' in line and key.encode() in line for line in file.read_bytes().splitlines())
