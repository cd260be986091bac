"""`interlock explain`."""

import json

from interlock.core.decisions import Decision, Explanation, Step, Verdict

COMPOSE = """
services:
  web:
    image: x
    expose: ["80"]
    labels: {interlock.hostname: www, interlock.domain: example.com}
  typo:
    image: x
    expose: ["80"]
    labels: {interlock.hostnam: www}
"""
CAUSE = Decision(
    step=Step.READY,
    verdict=Verdict.WAITING,
    what="nobody answers a first connection at 172.17.0.2:5000: Connection refused, and this goes on for a while",
    fix="name the port that it listens on, and not another one; this is a long line that is to be pasted as it stands",
    route="a.com",
)


def explanation(verdict, cause, *decisions):
    return Explanation(
        container="web\x1b_1", id="1" * 64, engine="docker", verdict=verdict, cause=cause, decisions=decisions
    )


def test_one_that_takes_traffic(run, daemon):
    seen = Decision(step=Step.SEEN, verdict=Verdict.YES, value="running", origin="engine docker")
    last = Decision(step=Step.ROTATION, verdict=Verdict.YES, value="50% of the requests", route="a.com")
    daemon.explanations = (explanation(Verdict.YES, None, seen, last), explanation(Verdict.YES, None, seen))
    code, out, err = run("explain", "web")
    assert (code, err) == (0, "")
    assert daemon.orders == [("explain", "web")]
    assert out.splitlines() == [
        "web\\x1b_1 takes traffic",
        "    yes     seen         running (engine docker)",
        "  a.com",
        "    yes     in rotation  50% of the requests",
        "",
        "web\\x1b_1 takes traffic",
        "    yes     seen         running (engine docker)",
    ]


def test_one_that_waits_is_told_with_cause_and_fix_in_80_columns(run, daemon, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    daemon.explanations = (explanation(Verdict.WAITING, CAUSE, CAUSE),)
    code, out, _ = run("explain", "web")
    assert code == 3
    first, *rest = out.splitlines()
    assert first == "web\\x1b_1 waits for traffic: nobody answers a first connection at"
    assert f"  fix: {CAUSE.fix}" in rest
    assert all(len(line) <= 80 for line in rest if line != f"  fix: {CAUSE.fix}")


def test_a_warning_is_no_failure(run, daemon):
    daemon.explanations = (explanation(Verdict.WARNING, CAUSE, CAUSE),)
    code, out, _ = run("explain", "web")
    assert code == 0
    assert out.startswith("web\\x1b_1 takes traffic, but nobody answers")


def test_as_json(run, daemon):
    daemon.explanations = (explanation(Verdict.NO, CAUSE, CAUSE),)
    code, out, _ = run("explain", "web", "--json")
    assert code == 3
    (found,) = json.loads(out)
    assert (found["verdict"], found["cause"]["step"]) == ("no", "ready")


def test_a_compose_file_is_explained_without_a_daemon(run, tmp_path):
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE)
    code, out, err = run("explain", "web", "--file", str(file))
    assert (code, err) == (0, "")
    assert "takes traffic" in out
    assert "web:80" in out
    assert "answers (taken for granted, since nobody was asked)" in out
    code, out, _ = run("explain", "typo", "--file", str(file))
    assert code == 3
    assert "label interlock.hostnam=www is not a key that Interlock knows" in " ".join(out.split())
    code, _, err = run("explain", "wep", "--file", str(file))
    assert code == 2
    assert "fix: did you mean web?" in err


def test_so_is_what_docker_inspect_wrote(run, tmp_path):
    document = {
        "Id": "1" * 64,
        "Name": "/web_1",
        "State": {"Status": "exited"},
        "Config": {"Labels": {"interlock.hostname": "www"}},
    }
    file = tmp_path / "containers.json"
    for written in (document, [document]):
        file.write_text(json.dumps(written))
        code, out, err = run("explain", "web_1", "--file", str(file))
        assert (code, err) == (3, "")
        assert "fix: docker start web_1" in out


def test_problems_of_the_file_are_told_beside(run, tmp_path):
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE + "    hostname: $NOBODY\n")
    _, _, err = run("explain", "web", "--file", str(file))
    assert "warning: compose.yaml:11: services.typo.hostname: names the variable NOBODY, which is not set" in err


def test_a_file_that_is_none_is_refused(run, tmp_path):
    code, _, err = run("explain", "web", "--file", str(tmp_path / "gone"))
    assert code == 2
    assert "it cannot be read" in err
    assert "fix: name a Compose file" in err


def test_it_is_read_from_stdin_too(program):
    code, out, _ = program("explain", "web", "--file", "-", stdin=COMPOSE)
    assert code == 0
    assert "takes traffic" in out
