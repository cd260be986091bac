"""The containers that Compose would make of a file, and what Interlock would make of those."""

from pathlib import Path

from interlock.compose import containers_of, read_project
from interlock.core.events import Listed, Placed, View
from interlock.core.model import Attachment, Binding, Health, Match, Port
from interlock.core.routes import Routes
from interlock.core.world import World


def containers(text, name="compose.yaml"):
    return containers_of(read_project(Path("/srv/shop") / name, {}, text=text), engine="file")


def test_names_follow_the_generation_of_the_format():
    assert [each.name for each in containers("web: {image: x}")] == ["shop_web_1"]
    assert [each.name for each in containers("services: {web: {image: x, scale: 2}}")] == ["shop-web-1", "shop-web-2"]
    assert [each.name for each in containers("services: {web: {image: x, container_name: w}}")] == ["w"]


def test_only_what_a_dialect_reads_is_kept():
    text = """
services:
  web:
    image: x
    environment: {INTERLOCK_DATA: '{"hostname":"a"}', PASSWORD: secret}
    labels: [interlock.hostname=a, other=b]
"""
    (web,) = containers(text)
    assert web.environment == {"INTERLOCK_DATA": '{"hostname":"a"}'}
    assert web.labels == {
        "interlock.hostname": "a",
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "web",
    }


def test_ports_networks_and_health():
    text = """
services:
  web:
    image: x
    ports: ["8080:80", "81"]
    expose: ["82"]
    networks: [front]
    healthcheck: {test: "true"}
networks: {front: {}}
"""
    (web,) = containers(text)
    assert web.exposed == (Port(80), Port(81), Port(82))
    assert web.bindings == (Binding(80, "tcp", "0.0.0.0", 8080),)
    assert web.attachments == (Attachment("shop_front", "", "web"),)
    assert web.health is Health.HEALTHY


def test_they_have_the_network_that_compose_gives_them_by_itself():
    assert containers("services: {web: {image: x}}")[0].attachments == (Attachment("shop_default", "", "web"),)
    assert containers("web: {image: x}")[0].attachments == (Attachment("bridge", "", "web"),)
    (host,) = containers("services: {web: {image: x, network_mode: host}}")
    assert host.attachments == ()
    assert host.network_mode == "host"


def test_a_file_leads_to_routes():
    text = """
services:
  web:
    image: x
    scale: 2
    expose: ["80"]
    labels: {interlock.hostname: www, interlock.domain: example.com}
"""
    routes = Routes(World())
    for event in (Placed(View(engine="file", on_paper=True)), Listed("file", tuple(containers(text)))):
        routes.update(routes.world.advance(event))
    servers = routes.table[Match("www.example.com")].backend.servers
    assert [(server.name, server.endpoint) for server in servers] == [
        ("shop-web-1", "web:80"),
        ("shop-web-2", "web:80"),
    ]
    assert not routes.problems
