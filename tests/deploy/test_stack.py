"""deploy/swarm/stack.yml, read: it says what its page says, and nobody gets more than is needed."""

import re
from pathlib import Path

import pytest
import yaml

from interlock.cli.agent_keys import SECRETS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy/swarm/stack.yml").read_text()
STACK = yaml.safe_load(TEXT)
PAGE = (ROOT / "docs/stack.md").read_text()
SERVICES = STACK["services"]


def test_its_variables_are_those_of_the_page():
    told = re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)
    assert sorted(told) == sorted(set(re.findall(r"\$\{([A-Z_]+)", TEXT)))


def test_its_secrets_are_the_files_that_the_command_makes():
    assert set(STACK["secrets"]) == set(SECRETS)
    assert all(secret["file"].endswith(f"/{name}") for name, secret in STACK["secrets"].items())


def test_each_secret_is_given_to_those_who_need_it():
    assert {name: sorted(service["secrets"]) for name, service in SERVICES.items()} == {
        "interlock": ["ca.pem", "client-key.pem", "client.pem"],
        "agent": ["agent-key.pem", "agent.pem", "ca.pem"],
    }


@pytest.mark.parametrize("name", SERVICES)
def test_files_of_secrets_that_are_named_are_given(name):
    service = SERVICES[name]
    named = re.findall(r"/run/secrets/([a-z.-]+)", f"{service['command']} {service.get('environment')}")
    assert sorted(named) == sorted(service["secrets"])


def test_only_the_agent_holds_the_socket_of_docker_and_it_publishes_nothing():
    holders = [name for name, service in SERVICES.items() if "docker.sock" in str(service["volumes"])]
    assert holders == ["agent"]
    assert "ports" not in SERVICES["agent"]
    assert SERVICES["agent"]["networks"] == ["agents"]
    assert STACK["networks"]["agents"]["internal"]


@pytest.mark.parametrize("name", SERVICES)
def test_who_has_a_port_of_the_node_is_stopped_before_it_is_replaced(name):
    service = SERVICES[name]
    has_port = any(port["mode"] == "host" for port in service.get("ports", ()))
    assert service["deploy"]["update_config"]["order"] == ("stop-first" if has_port else "start-first")
