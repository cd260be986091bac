"""`interlock record` and `replay`."""

import json
import stat

import pytest

from interlock.core.recording import FORMAT, Ending, Opening, Turn, written
from interlock.testing.worlds import ENGINE, container, listed, placed

LINES = [
    written(Opening(format=FORMAT, version="9.9", at=1_800_000_000.0, engines=(ENGINE,))),
    written(Turn(at=1_800_000_000.0, settled_before="9999", events=(placed(), listed(container())))),
]


class PaperRecorder:
    """Records what the test says, and then what `after` says."""

    def __init__(self):
        self.limits = []
        self.said = [*LINES, b"\n", written(Ending(at=1_800_000_001.0, why="it has reached its size"))]

    async def lines(self, limit):
        self.limits.append(limit)
        for line in self.said:
            yield line


@pytest.fixture
def recorder(daemon):
    daemon.recorder = PaperRecorder()
    return daemon.recorder


def test_what_is_recorded_is_in_a_file_that_only_its_owner_reads(run, recorder, tmp_path):
    file = tmp_path / "monday.jsonl"
    assert run("record", str(file), "--limit", "2") == (0, "", "recorded 3 lines\n")
    assert recorder.limits == [2 << 20]
    assert file.read_bytes().count(b"\n") == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    code, out, _ = run("replay", str(file))
    assert code == 0
    assert "reloaded" in out
    assert out.splitlines()[-1] == "1 turn, 1 route at the end; the recording ended because it has reached its size"


def test_it_may_go_to_stdout_and_come_from_stdin(program, daemon, recorder):
    code, out, err = program("record", "-", INTERLOCK_RUN_DIR=str(daemon.path.parent))
    assert (code, err) == (0, "recorded 3 lines\n")
    code, told, err = program("replay", "-", "--json", stdin=out)
    assert (code, err) == (0, "")
    assert json.loads(told)["routes"][0]["host"] == "demo.interlock.com"


def test_the_same_file_prints_the_same_json(run, tmp_path):
    file = tmp_path / "recording"
    file.write_bytes(b"".join(LINES))
    first = run("replay", str(file), "--json")
    assert first == run("replay", str(file), "--json")
    (revision,) = json.loads(first[1])["revisions"]
    assert (revision["summary"]["at"], revision["summary"]["outcome"]) == (1_800_000_000.0, "reloaded")


def test_what_the_daemon_would_log_is_told_when_asked_for(program, tmp_path):
    file = tmp_path / "recording"
    file.write_bytes(b"".join(LINES))
    assert program("replay", str(file))[2] == ""
    assert "engine docker listed 1 containers" in program("--debug", "replay", str(file))[2]


def test_a_file_that_is_there_is_not_overwritten(run, recorder, tmp_path):
    file = tmp_path / "precious"
    file.write_text("mine")
    code, _, err = run("record", str(file))
    assert (code, recorder.limits, file.read_text()) == (2, [], "mine")
    assert "name a new file" in err


def test_what_is_no_recording_is_named(run, tmp_path):
    file = tmp_path / "recording"
    file.write_text("rubbish\n")
    code, _, err = run("replay", str(file))
    assert code == 1
    assert f"{file}: line 1 is damaged" in err
    assert run("replay", str(tmp_path / "none"))[0] == 2


def test_without_a_daemon_nothing_is_recorded(run, tmp_path, monkeypatch):
    monkeypatch.setenv("INTERLOCK_RUN_DIR", str(tmp_path))
    code, _, err = run("record", str(tmp_path / "file"))
    assert code == 1
    assert "no Interlock runs here" in err
