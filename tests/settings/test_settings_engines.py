"""Several engines: from flags or from the file, each with a name of its own."""

import pytest

from interlock.settings import Flags, Known, SettingsError, load_settings

TABLES = """
[[Engines]]
Name = "node1"
DockerURL = "tcp://10.0.0.1:2376"
TLSCACert = "/1/ca"
TLSCert = "/1/cert"
TLSKey = "/1/key"

[[Engines]]
DockerURL = "unix:///run/podman/podman.sock"
"""
TLS_FLAGS = {"--swarm-tls-ca-cert": "/t/ca", "--swarm-tls-cert": "/t/cert", "--swarm-tls-key": "/t/key"}


def load(text="", environ=None, urls=(), values=None):
    environ = {**({"INTERLOCK_CONFIG": text} if text else {}), **(environ or {})}
    return load_settings(Flags(swarm_urls=urls, values=values or {}), environ=environ, known=Known(), uid=0)


def refused(*args, **kwargs):
    with pytest.raises(SettingsError) as caught:
        load(*args, **kwargs)
    return [(p.key, p.what) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("urls", "names"),
    [
        (["tcp://10.0.0.1:2375"], ["docker"]),
        (["unix:///var/run/docker.sock", "unix:///run/podman/podman.sock"], ["docker", "podman"]),
        (["tcp://node1:2375", "tcp://node2.example.com:2375"], ["node1", "node2-example-com"]),
        (["tcp://node:2375", "tcp://node:2376", "tcp://node:2377"], ["node", "node-2", "node-3"]),
        (["a=tcp://node:2375", "tcp://a:2376"], ["a", "a-2"]),
        (["tcp://[fd00::1]:2375", "tcp://:2375"], ["fd00--1", "docker"]),
        (["tcp://" + "n" * 80 + ":1", "unix:///x"], ["n" * 32, "x"]),
    ],
)
def test_every_engine_has_a_name_of_its_own(urls, names):
    assert [engine.name for engine in load(urls=urls).engines] == names


def test_a_name_before_the_url_is_not_part_of_it():
    assert load(urls=["node1=tcp://10.0.0.1:2375"]).engines[0].url == "tcp://10.0.0.1:2375"
    assert load(urls=["unix:///tmp/a=b.sock"]).engines[0].url == "unix:///tmp/a=b.sock"


def test_the_tls_files_of_the_flags_are_for_all_but_sockets():
    far, near = load(urls=["tcp://10.0.0.1:2376", "unix:///var/run/docker.sock"], values=TLS_FLAGS).engines
    assert far.tls_files == ("/t/ca", "/t/cert", "/t/key")
    assert near.tls_files == ("", "", "")


def test_the_file_names_several_in_tables():
    node, podman = load(TABLES).engines
    assert (node.name, node.url, node.tls_files) == ("node1", "tcp://10.0.0.1:2376", ("/1/ca", "/1/cert", "/1/key"))
    assert (podman.name, podman.url, podman.tls_files) == ("podman", "unix:///run/podman/podman.sock", ("", "", ""))


@pytest.mark.parametrize(
    ("urls", "environ", "source"),
    [(["tcp://flag:1"], {}, "--swarm-url"), ([], {"DOCKER_HOST": "tcp://env:1"}, "DOCKER_HOST")],
)
def test_whoever_beats_the_file_is_named_in_a_warning(urls, environ, source):
    settings = load(TABLES, environ, urls)
    assert len(settings.engines) == 1
    assert [warning.what for warning in settings.warnings] == [f"is ignored, because {source} names what to watch"]


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        ('Engines = "tcp://a:1"', "INTERLOCK_CONFIG: Engines", "is not a list of tables"),
        ('[[Engines]]\nName = "a"', "INTERLOCK_CONFIG: [[Engines]] number 1: DockerURL", "is missing"),
        (
            '[[Engines]]\nName = "a b"\nDockerURL = "tcp://a:1"',
            "INTERLOCK_CONFIG: [[Engines]] number 1: Name",
            "is no name for an engine",
        ),
        (
            '[[Engines]]\nName = 5\nDockerURL = "tcp://a:1"',
            "INTERLOCK_CONFIG: [[Engines]] number 1: Name",
            "is not a text",
        ),
        (
            '[[Engines]]\nUrl = "a"\nDockerURL = "tcp://a:1"',
            "INTERLOCK_CONFIG: [[Engines]] number 1: Url",
            "is not a known key",
        ),
        (
            '[[Engines]]\nName="a"\nDockerURL="tcp://a:1"\n[[Engines]]\nName="a"\nDockerURL="tcp://b:1"',
            "Engines",
            "is the name of two engines",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text, key, what):
    assert (key, what) in refused(text)


def test_a_swarm_has_several_addresses_and_says_so():
    flags = {"--swarm-node": "tcp://10.0.0.2:2376,tcp://tasks.agent:2376"}
    (swarm,) = load(urls=["prod=tcp://10.0.0.1:2376"], values=flags).engines
    assert (swarm.name, swarm.is_swarm) == ("prod", True)
    assert swarm.swarm_nodes == ("tcp://10.0.0.2:2376", "tcp://tasks.agent:2376")
    assert load(urls=["tcp://10.0.0.1:2376"], values={"--swarm-mode": "true"}).engines[0].is_swarm
    assert not load(urls=["tcp://10.0.0.1:2376"]).engines[0].is_swarm, "a manager is an engine unless it is asked for"


def test_beside_other_engines_a_swarm_is_written_as_a_table():
    tables = TABLES.replace('Name = "node1"', 'Name = "node1"\nSwarmMode = true\nSwarmNodes = ["tcp://10.0.0.2:2376"]')
    assert [engine.is_swarm for engine in load(tables).engines] == [True, False]
    urls = ["tcp://10.0.0.1:2376", "tcp://10.0.0.9:2376"]
    assert refused(urls=urls, values={"--swarm-mode": "true"}) == [
        ("--swarm-mode", "does not say which of several --swarm-url it belongs to")
    ]


def test_engines_that_come_first_are_named_as_they_are_called():
    urls = ["node1=tcp://10.0.0.1:2375", "node2=tcp://10.0.0.2:2375"]
    assert load(urls=urls).locality == ()
    assert load(urls=urls, values={"--locality": "node1"}).locality == ("node1",)
    assert load('Locality = ["podman"]\n' + TABLES).locality == ("podman",)
    assert load(urls=urls, environ={"INTERLOCK_LOCALITY": "node2, node1"}).locality == ("node2", "node1")
    assert refused(urls=urls, environ={"INTERLOCK_LOCALITY": "nod1"}) == [("Locality", "is not the name of an engine")]


def test_in_swarm_mode_any_name_may_be_a_nodes():
    swarm = {"--swarm-mode": "true", "--locality": "worker-1"}
    assert load(urls=["tcp://10.0.0.1:2375"], values=swarm).locality == ("worker-1",)
