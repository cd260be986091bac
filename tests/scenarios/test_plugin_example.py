"""The example of a stranger's plugin: installed into a fresh environment, it passes the contract and routes."""

import subprocess
import sys
from pathlib import Path

import pytest

from testbed.programs import environment, run
from testbed.visits import Site
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "plugin-caddy"
MOST_LINES = 250
PORT = 8099


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """The programs' folder of an environment that has nothing but Interlock and the plugin, and pytest for its test."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    run([sys.executable, "-m", "venv", folder])
    run([folder / "bin" / "pip", "install", "--quiet", ROOT, EXAMPLE, "pytest"], seconds=400)
    return folder / "bin"


def test_it_fits_the_promise_of_its_size():
    assert sum(len(path.read_text().splitlines()) for path in EXAMPLE.rglob("src/**/*.py")) < MOST_LINES


def test_it_passes_the_contract_with_the_real_program(fresh, tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [fresh / "python", "-m", "pytest", "-q", "-c", tmp_path / "pytest.ini", "-p", "no:cacheprovider"]
    said = run([*command, EXAMPLE / "tests"], seconds=400)
    assert " passed" in said
    assert "skipped" not in said


def test_it_is_listed_with_where_it_comes_from(fresh):
    lines = run([fresh / "interlock", "list-plugins"]).splitlines()
    line = next(line for line in lines if line.startswith("caddy "))
    assert "interlock-caddy 1.0.0" in line


def answering(site):
    return {site.get().server for _ in range(8)}


def test_named_by_the_flag_it_routes_real_traffic(fresh, dockerd, docker, web_image, tmp_path):
    tmp_path.chmod(0o755)
    variables = {
        "CADDY_PORT": str(PORT),
        "INTERLOCK_STATE_DIR": str(tmp_path / "state"),
        "INTERLOCK_RUN_DIR": str(tmp_path / "run"),
    }
    command = [fresh / "interlock", "--swarm-url", dockerd.url, "--plugin", "caddy", "start"]
    site = Site(dockerd.address, PORT, "www.caddy.com")
    with (tmp_path / "log").open("wb") as log:
        interlock = subprocess.Popen(
            dockerd.on_host(command), stdout=log, stderr=log, env=environment(**variables), stdin=subprocess.DEVNULL
        )
    try:
        data = 'INTERLOCK_DATA={"hostname":"www","domain":"caddy.com"}'
        one, two = (docker("run", "-d", "-e", data, web_image).strip()[:12] for _ in range(2))
        wait_for(lambda: answering(site) == {one, two}, "both containers to answer", seconds=90)
        docker("stop", one)
        wait_for(lambda: answering(site) == {two}, "the other to answer alone", seconds=90)
        told = run(dockerd.on_host([fresh / "interlock", "status"]), env=environment(**variables))
        assert "caddy" in told
        assert "is ready" in told
    finally:
        interlock.terminate()
        code = interlock.wait(60)
        print((tmp_path / "log").read_text())  # noqa: T201 - shown when the test fails
    assert code == 0
    assert site.get().status == 0, "Caddy goes with Interlock"
