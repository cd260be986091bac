"""The Compose files that people copy."""

from pathlib import Path

import pytest
import yaml

from testbed import compose
from testbed.images import REPOSITORY
from testbed.programs import environment, run

pytestmark = pytest.mark.real

EXAMPLES = REPOSITORY / "examples"
VARIABLES = {"INTERLOCK_PORT": "80", "SWARM_URL": "tcp://172.31.250.1:2375", "DOCKER_SOCKET": "/var/run/docker.sock"}
"""What `make demo` sets for its own."""


def readable() -> list[tuple[Path, ...]]:
    """The files, and those to which another adds; without the format that this machine's Compose no longer reads."""
    demo, walkthrough, external = (EXAMPLES / name for name in ("demo", "walkthrough", "external"))
    today = [
        (walkthrough / "compose.yaml",),
        (walkthrough / "compose.yaml", walkthrough / "compose.nginx.yaml"),
        (demo / "compose.yaml",),
        (demo / "compose.yaml", demo / "socket.yaml"),
        (external / "compose.yaml",),
        (external / "compose.yaml", external / "socket.yaml"),
        (external / "compose.yaml", external / "compose.nginx.yaml"),
    ]
    original = [
        (walkthrough / "docker-compose.v1.yml",),
        (demo / "docker-compose.v1.yml",),
        (demo / "docker-compose.v1.yml", demo / "socket.v1.yml"),
    ]
    return [*today, *(original if compose.generation() == 1 else [])]


def test_compose_takes_every_example():
    for files in readable():
        words = [word for file in files for word in ("--file", file)]
        shown = run([*compose.program(), *words, "config"], env=environment(**VARIABLES))
        assert "interlock" in shown
        assert "WARNING" not in shown, shown


def test_the_page_of_external_proxies_shows_the_example():
    page = (REPOSITORY / "docs" / "external-proxies.md").read_text("utf-8")
    shown, of_nginx = (yaml.safe_load(part.partition("```")[0]) for part in page.split("```yaml\n")[1:])
    example = yaml.safe_load((EXAMPLES / "external" / "compose.yaml").read_text("utf-8"))["services"]
    for key in ("command", "hostname", "labels", "restart", "user", "volumes"):
        assert shown["edge"][key] == example["edge"][key]
    assert shown["interlock"]["command"] == example["interlock"]["command"]
    assert shown["interlock"]["environment"].items() <= example["interlock"]["environment"].items()
    assert set(example["interlock"]["volumes"]) <= set(shown["interlock"]["volumes"])
    added = yaml.safe_load((EXAMPLES / "external" / "compose.nginx.yaml").read_text("utf-8"))["services"]
    for key in ("command", "labels", "user"):
        assert of_nginx["edge"][key] == added["edge"][key]
    assert of_nginx["interlock"] == added["interlock"]
