"""Mistakes that people make: `interlock explain` names the cause and a fix, and the fix brings traffic."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed import images
from testbed.mistakes import DOMAIN, MISTAKES, REFUSED_OPTION, Mistake
from testbed.native import PROGRAM, NativeInterlock
from testbed.programs import environment
from testbed.waiting import wait_for

PAGE = Path(__file__).parents[2] / "docs" / "explain.md"


def row(mistake: Mistake) -> str:
    """As the page has it."""
    return f"| {mistake.title} | {mistake.step} | {mistake.says} | {mistake.fix} |"


def test_the_page_lists_every_mistake_with_what_is_said_of_it():
    listed = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    rows = [row(mistake) for mistake in MISTAKES]
    start = listed.index(rows[0])
    assert listed[start : start + len(rows)] == rows
    assert len(rows) >= 25


class Bench:
    """One Interlock on an engine, asked by its own command line."""

    def __init__(self, docker, interlock: NativeInterlock) -> None:
        self.docker = docker
        self.interlock = interlock

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        run_dir = str(self.interlock.folder / "run")
        return subprocess.run(
            [PROGRAM, *words],
            env=environment(INTERLOCK_RUN_DIR=run_dir),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def explain(self, name: str):
        answer = self.command("explain", name, "--json")
        return json.loads(answer.stdout)[0] if answer.stdout else {"cause": None, "verdict": answer.stderr}

    def run(self, mistake: Mistake, options: list[str], command: list[str]) -> str:
        given = [word.format(name=mistake.name) for word in options]
        return self.docker("run", "--detach", "--name", mistake.name, *given, mistake.image, *command)

    def do(self, mistake: Mistake, steps: list[list[str]]) -> None:
        for step in steps:
            words = [word.format(name=mistake.name) for word in step]
            if words[0] == "interlock":
                done = self.command(*words[1:])
                assert done.returncode == 0, done.stderr
            else:
                self.docker(*words)


@pytest.fixture(scope="module")
def choosy_haproxy() -> Iterator[str]:
    """HAProxy, but one option is unknown to it."""
    with tempfile.TemporaryDirectory(prefix="interlock-haproxy-") as folder:
        Path(folder).chmod(0o755)
        program = Path(folder) / "haproxy"
        program.write_text(
            "#!/bin/sh\n"
            'for word in "$@"; do\n'
            f'  if [ -f "$word" ] && /bin/grep -q \'^ *option {REFUSED_OPTION}$\' "$word"; then\n'
            f"    echo \"[ALERT] parsing [$word]: unknown keyword 'option {REFUSED_OPTION}'\" >&2; exit 1\n"
            "  fi\n"
            "done\n"
            'exec /usr/sbin/haproxy "$@"\n'
        )
        program.chmod(0o755)
        yield str(program)


@pytest.fixture(scope="module")
def interlocks(dockerd, base, web_image, database_image, choosy_haproxy) -> Iterator[dict[bool, NativeInterlock]]:
    """One beside the engine, and one that stands elsewhere; both follow every test of the module."""
    near = NativeInterlock(dockerd, HAPROXY_BINARY=choosy_haproxy)
    far = NativeInterlock(dockerd, url=dockerd.tcp_url)
    both = {False: near, True: far}
    try:
        for each in both.values():
            each.start()
        for each in both.values():
            each.wait_until_ready()
        yield both
    finally:
        complaints = [each.end_well() for each in both.values()]
    assert complaints == ["", ""]


@pytest.mark.real
@pytest.mark.timeout(180)
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_cause_is_named_and_the_fix_brings_traffic(mistake, docker, interlocks):
    bench = Bench(docker, interlocks[mistake.elsewhere])
    site = bench.interlock.site(f"{mistake.name}.{DOMAIN}")
    bench.do(mistake, mistake.before)
    key = bench.run(mistake, mistake.wrong, mistake.command)
    bench.do(mistake, mistake.then)
    told: list[Any] = [None]

    def is_named() -> bool:
        told[0] = found = bench.explain(mistake.name)
        cause = found["cause"]
        return bool(cause) and cause["step"] == mistake.step and mistake.says in cause["what"]

    try:
        wait_for(is_named, "the cause", seconds=30)
    except TimeoutError:
        pytest.fail(f"it said {json.dumps(told[0], indent=1)}\n{bench.interlock.log[-3000:]}")
    found = told[0]
    assert mistake.fix in found["cause"]["fix"]
    assert (found["verdict"] == "warning") is mistake.warns
    assert (site.get().status == 200) is mistake.warns

    bench.do(mistake, mistake.mend)
    if mistake.right is not None:
        docker("rm", "--force", mistake.name)
        key = bench.run(mistake, mistake.right, mistake.right_command)
    if mistake.image == images.WEB:
        wait_for(lambda: site.get().server == key[:12], f"traffic; log:\n{bench.interlock.log[-3000:]}", seconds=30)
    else:
        wait_for(lambda: site.get().status == 200, f"traffic; log:\n{bench.interlock.log[-3000:]}", seconds=30)
    wait_for(lambda: bench.explain(mistake.name)["verdict"] == "yes", "no complaint any more", seconds=30)


ASKED = {
    "root": {"hostname": "trace", "domain": DOMAIN},
    "app": {"hostname": "trace", "domain": DOMAIN, "context_root": "/app"},
    "version": {"hostname": "trace", "domain": DOMAIN, "context_root": "/app/v2"},
    "wild": {"hostname": "*", "domain": f"trace.{DOMAIN}"},
    "pathed": {"hostname": "api", "domain": f"trace.{DOMAIN}", "context_root": "/v1"},
}
VISITED = [
    ("trace.example.com", "/"),
    ("trace.example.com", "/apple"),
    ("trace.example.com", "/app"),
    ("trace.example.com", "/app/x"),
    ("trace.example.com", "/app/v2/x"),
    ("a.trace.example.com", "/app"),
    ("a.b.trace.example.com", "/"),
    ("api.trace.example.com", "/v1/x"),
    ("api.trace.example.com", "/v2"),
    ("example.com", "/"),
]


@pytest.mark.real
@pytest.mark.timeout(180)
def test_a_trace_agrees_with_who_answers(docker, interlocks):
    bench = Bench(docker, interlocks[False])
    for name, asked in ASKED.items():
        words = [word for key, value in asked.items() for word in ("--label", f"interlock.{key}={value}")]
        docker("run", "--detach", "--name", name, *words, images.WEB)
    for name in ASKED:
        wait_for(lambda name=name: bench.explain(name)["verdict"] == "yes", f"{name} in rotation", seconds=30)
    ids = {docker("inspect", "--format", "{{.Id}}", name)[:12]: name for name in ASKED}
    for host, path in VISITED:
        answer = bench.interlock.site(host).get(path)
        traced = json.loads(bench.command("trace", f"http://{host}{path}", "--json").stdout)
        expected = [ids[answer.server]] if answer.status == 200 else []
        assert [server["name"] for server in traced["servers"]] == expected, (host, path)
        assert traced["outcome"] == {200: "served", 404: "not found"}[answer.status], (host, path)


@pytest.mark.real
def test_a_name_that_nobody_has_is_answered_with_those_that_are_near(docker, interlocks):
    bench = Bench(docker, interlocks[False])
    docker("create", "--name", "frontend", images.WEB)
    wait_for(lambda: bench.command("explain", "frontend").returncode == 3, "the container to be known", seconds=30)
    answer = bench.command("explain", "fronted")
    assert answer.returncode == 2
    assert "did you mean frontend?" in answer.stderr
