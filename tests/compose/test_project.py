"""A file of any format, with what it draws in."""

import pytest

from interlock.compose import read_project
from interlock.core.problems import PermanentError

LEGACY = """
web:
  image: demo
  environment:
    - INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}
  ports: ["5000"]
db:
  image: postgres
"""
CURRENT = """
name: shop
services:
  web:
    image: demo
    labels: {interlock.hostname: demo}
    networks: [front, outside]
networks:
  front:
  outside: {external: true}
  named: {name: elsewhere}
"""


@pytest.fixture
def project(tmp_path):
    def project(text, *, name="compose.yaml", **environ):
        file = tmp_path / "My Shop" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return read_project(file, environ)

    return project


def by_name(project):
    return {service.name: service for service in project.services}


def sentences(project):
    return [problem.sentence() for problem in project.problems]


def test_the_first_format_has_its_services_at_the_top(project):
    found = project(LEGACY)
    assert found.legacy
    assert [service.name for service in found.services] == ["web", "db"]
    assert found.name == "myshop"
    assert by_name(found)["web"].environment["INTERLOCK_DATA"].startswith("{")
    assert by_name(found)["db"].line == 7


@pytest.mark.parametrize("version", ["version: '2.4'\n", "version: '3.8'\n", ""])
def test_those_since_have_them_below_services(project, version):
    found = project(version + CURRENT)
    assert not found.legacy
    assert found.name == "shop"
    assert by_name(found)["web"].labels == {"interlock.hostname": "demo"}
    assert found.networks == {
        "default": "shop_default",
        "front": "shop_front",
        "outside": "outside",
        "named": "elsewhere",
    }


def test_the_name_of_the_project_may_come_from_the_environment(project):
    assert project(LEGACY, COMPOSE_PROJECT_NAME="Other").name == "other"


def test_variables_come_from_the_shell_before_the_file_beside_it(project, tmp_path):
    (tmp_path / "My Shop").mkdir()
    (tmp_path / "My Shop" / ".env").write_text("A=file\nB=file\n")
    text = "services: {web: {image: x, hostname: $A-$B, environment: [B]}}"
    web = project(text, A="shell").services[0]
    assert web.hostname == "shell-file"
    assert web.environment == {"B": "file"}


def test_an_unset_variable_is_a_problem_with_its_line(project):
    (problem,) = project("services:\n  web:\n    image: x\n    hostname: $WHO\n").problems
    assert problem.key == "compose.yaml:4: services.web.hostname"
    assert "WHO, which is not set" in problem.what


def test_files_of_variables_are_read_and_the_services_own_words_beat_them(project, tmp_path):
    (tmp_path / "My Shop").mkdir()
    (tmp_path / "My Shop" / "web.env").write_text("A=file\nB=file\n")
    text = "services: {web: {image: x, env_file: [web.env, {path: gone, required: false}], environment: {B: own}}}"
    found = project(text)
    assert found.services[0].environment == {"A": "file", "B": "own"}
    assert not found.problems
    (problem,) = project("services: {web: {image: x, env_file: gone}}").problems
    assert "cannot be read: No such file" in problem.what


def test_a_service_may_extend_another_here_or_elsewhere(project, tmp_path):
    (tmp_path / "My Shop").mkdir()
    (tmp_path / "My Shop" / "base.yaml").write_text(
        "services: {base: {image: x, container_name: no, labels: [a=1, b=1], ports: ['80']}}"
    )
    text = """
services:
  web:
    extends: {file: base.yaml, service: base}
    labels: {b: 2}
    ports: ["81"]
  copy: {extends: web, labels: {c: 3}}
"""
    found = by_name(project(text))
    assert found["web"].labels == {"a": "1", "b": "2"}
    assert found["web"].container_name == ""
    assert [binding.port for binding in found["web"].ports] == [80, 81]
    assert found["copy"].labels == {"a": "1", "b": "2", "c": "3"}


@pytest.mark.parametrize("wish", ["web", "nobody", "{file: gone.yaml, service: x}", "7", "{service: a}"])
def test_extending_what_cannot_be_is_a_problem(project, wish):
    text = f"services: {{web: {{image: x, extends: {wish}}}, a: {{extends: b}}, b: {{extends: a}}}}"
    found = project(text)
    assert any("extends" in problem.key and problem.fix for problem in found.problems)


def test_a_repeated_service_and_a_service_without_keys_are_problems(project):
    said = sentences(project("services:\n  web: {image: x}\n  web: {image: y}\n  db: postgres\n"))
    assert any("compose.yaml:3: services.web: stands here for the second time" in each for each in said)
    assert any("compose.yaml:4: db" in each and "is no service" in each for each in said)


@pytest.mark.parametrize("text", ["", "just a text", "[1, 2]", "a: 1", "services: []", "services: {}"])
def test_what_is_no_compose_file_is_refused(project, text):
    with pytest.raises(PermanentError, match="has no services") as caught:
        project(text)
    assert caught.value.fix


def test_neither_is_what_is_not_there_or_too_large(tmp_path):
    with pytest.raises(PermanentError, match="cannot be read"):
        read_project(tmp_path / "gone.yaml", {})
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(PermanentError, match="more than"):
        read_project(large, {})
