import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import Attachment, Binding, Health, Phase, Port
from interlock.engines.containers import Kept, inspected_container, listed_container
from interlock.engines.documents import decode_entries, decode_entry, decode_inspected

ID = "ab" * 32
ALL_LABELS = Kept(frozenset({"INTERLOCK_DATA"}), ("",))


def inspected(kept=ALL_LABELS, **document):
    return inspected_container(decode_inspected(json.dumps({"Id": ID, **document}).encode()), engine="e", kept=kept)


def listed(**document):
    return listed_container(decode_entry(json.dumps({"Id": ID, **document}).encode()), engine="e", kept=ALL_LABELS)


def test_what_many_containers_share_is_kept_once():
    shared = {"Config": {"Image": "web:1"}, "HostConfig": {"NetworkMode": "front"}, "Node": {"Name": "node-1"}}
    one, other = inspected(**shared), inspected(**shared)
    assert all(getattr(one, name) is getattr(other, name) for name in ("image", "network_mode", "node", "stop_signal"))


class TestRecordings:
    def test_engine_20(self, recording, kept):
        web = inspected_container(decode_inspected(recording("engine/inspect_healthy.json")), engine="e", kept=kept)
        assert web.name == "web"
        assert web.image == "testbed/web:1"
        assert (web.hostname, web.domainname) == ("web1", "example.com")
        assert web.environment == {"INTERLOCK_DATA": '{"hostname":"demo","domain":"interlock.com"}'}
        assert web.labels == {"interlock.hostname": "demo"}
        assert (web.phase, web.health) == (Phase.RUNNING, Health.HEALTHY)
        assert (web.stop_signal, web.stop_timeout) == ("SIGTERM", 10)
        assert web.started_at == "2026-11-24T08:24:49.461899207Z"
        assert web.exposed == (Port(5000), Port(7000), Port(9000, "udp"))
        assert web.bindings == (
            Binding(5000, "tcp", "0.0.0.0", 32768),
            Binding(5000, "tcp", "::", 32768),
            Binding(9000, "udp", "127.0.0.1", 9000),
        )
        assert [(one.network, one.ipv4) for one in web.attachments] == [("bridge", "172.17.0.2")]
        assert (web.node, web.node_address) == ("", "")

    def test_ipv4_comes_first_although_ipv6_has_another_port(self, recording, kept):
        document = decode_inspected(recording("engine/compose_v1_inspect_web_1.json"))
        web = inspected_container(document, engine="e", kept=kept)
        assert [(one.host_ip, one.host_port) for one in web.bindings] == [("0.0.0.0", 32779), ("::", 32778)]
        assert web.labels == {"com.docker.compose.project": "cv1", "com.docker.compose.service": "web"}

    def test_classic_swarm_names_the_node_and_tells_every_port_twice(self, recording, kept):
        document = decode_inspected(recording("classic_swarm/inspect_dockchat_web_1.json"))
        web = inspected_container(document, engine="e", kept=kept)
        assert (web.name, web.node, web.node_address) == ("dockchat_web_1", "cls-n1", "10.98.0.11")
        assert web.bindings == (Binding(5000, "tcp", "10.98.0.11", 32768),)

    def test_a_link_does_not_change_the_name(self, recording, kept):
        entries = decode_entries(recording("classic_swarm/containers_json_all_v1.41.json"))
        names = {(one.name, one.node) for one in (listed_container(e, engine="e", kept=kept) for e in entries)}
        assert ("dockchat_db_1", "cls-n1") in names
        entries = decode_entries(recording("engine/compose_v1_list_1.json"))
        assert {listed_container(e, engine="e", kept=kept).name for e in entries} == {"cv1_db_1", "cv1_web_1"}

    def test_podman(self, recording, kept):
        web = inspected_container(decode_inspected(recording("podman/inspect.json")), engine="e", kept=kept)
        assert web.bindings[0] == Binding(5000, "tcp", "", 44535)
        assert (web.stop_signal, web.stop_timeout) == ("15", 0)
        assert web.health is Health.STARTING

    def test_the_network_of_the_host_and_of_another_container(self, recording, kept):
        host = inspected_container(decode_inspected(recording("engine/inspect_hostnet.json")), engine="e", kept=kept)
        assert (host.network_mode, host.bindings) == ("host", ())
        shared = inspected_container(
            decode_inspected(recording("engine/inspect_shared_netns.json")), engine="e", kept=kept
        )
        assert shared.network_mode.startswith("container:")
        assert shared.attachments == ()

    @pytest.mark.parametrize("engine", ["engine", "engine29"])
    @pytest.mark.parametrize("state", ["healthy", "unhealthy", "multi_ports"])
    def test_list_and_inspect_tell_the_same_of_what_both_tell(self, recording, kept, engine, state):
        (entry,) = decode_entries(recording(f"{engine}/list_{state}.json"))
        one = listed_container(entry, engine="e", kept=kept)
        other = inspected_container(
            decode_inspected(recording(f"{engine}/inspect_{state}.json")), engine="e", kept=kept
        )
        for field in ("id", "name", "image", "labels", "phase", "health", "bindings", "attachments", "network_mode"):
            assert getattr(one, field) == getattr(other, field), field


class TestEnvironment:
    def test_only_what_is_asked_for_is_kept(self):
        kept = Kept(frozenset({"A"}))
        assert inspected(kept, Config={"Env": ["A=1", "PASSWORD=x"]}).environment == {"A": "1"}

    def test_an_entry_without_a_value_says_nothing_and_the_first_value_counts(self):
        env = ["INTERLOCK_DATA", "INTERLOCK_DATA=a=b=c", "INTERLOCK_DATA=late"]
        assert inspected(Config={"Env": env}).environment == {"INTERLOCK_DATA": "a=b=c"}

    @pytest.mark.parametrize("odd", [b"\xff", b"\\ud83d"])
    def test_what_is_no_text_is_replaced_and_the_rest_survives(self, odd):
        data = b'{"Id":"x","Config":{"Env":["INTERLOCK_DATA=a%sb"]}}' % odd
        value = inspected_container(decode_inspected(data), engine="e", kept=ALL_LABELS).environment["INTERLOCK_DATA"]
        assert (value[0], value[-1], len(value)) == ("a", "b", 3)


class TestLabels:
    def test_only_those_of_a_dialect_and_of_compose_are_kept_whatever_their_case(self):
        kept = Kept(frozenset(), ("interlock.", "com.docker.lb."))
        labels = {
            "interlock.port": "1",
            "Interlock.Hostname": "near miss",
            "com.docker.lb.hosts": "2",
            "com.docker.compose.project": "p",
            "com.docker.compose.version": "3",
            "secret": "s",
        }
        assert list(inspected(kept, Config={"Labels": labels}).labels) == [
            "Interlock.Hostname",
            "com.docker.compose.project",
            "com.docker.lb.hosts",
            "interlock.port",
        ]

    def test_without_prefixes_only_those_of_compose_are_kept(self):
        assert inspected(Kept(), Config={"Labels": {"interlock.port": "1"}}).labels == {}


class TestPhase:
    @pytest.mark.parametrize(
        ("state", "phase"),
        [
            ({"Status": "running", "Running": True}, Phase.RUNNING),
            ({"Status": "paused", "Running": True, "Paused": True}, Phase.PAUSED),
            ({"Status": "restarting", "Restarting": True}, Phase.RESTARTING),
            ({"Status": "initialized"}, Phase.CREATED),
            ({"Status": "stopped"}, Phase.EXITED),
            ({"Status": "a word of tomorrow", "Running": True}, Phase.RUNNING),
            ({"Status": "a word of tomorrow"}, Phase.EXITED),
            ({"Running": True}, Phase.RUNNING),
            ({"Running": True, "Paused": True}, Phase.PAUSED),
            ({"Dead": True}, Phase.DEAD),
            ({}, Phase.EXITED),
        ],
    )
    def test_of_an_inspect_by_word_else_by_flags(self, state, phase):
        assert inspected(State=state).phase is phase

    @pytest.mark.parametrize(
        ("entry", "phase"),
        [
            ({"State": "running", "Status": "Up 1 second"}, Phase.RUNNING),
            ({"State": "running", "Status": "Host Down"}, Phase.DEAD),
            ({"State": "running"}, Phase.RUNNING),
            ({"Status": "Up 4 days"}, Phase.RUNNING),
            ({"Status": "Up 4 days (Paused)"}, Phase.PAUSED),
            ({"Status": "Restarting (1) 2 seconds ago"}, Phase.RESTARTING),
            ({"Status": "Exited (0) 2 days ago"}, Phase.EXITED),
            ({"Status": "Created"}, Phase.CREATED),
            ({"Status": "Removal In Progress"}, Phase.REMOVING),
            ({"State": "a word of tomorrow", "Status": "Up 1 second"}, Phase.RUNNING),
            ({}, Phase.EXITED),
        ],
    )
    def test_of_a_list_by_word_else_by_how_its_status_begins(self, entry, phase):
        assert listed(**entry).phase is phase


class TestPorts:
    def test_a_port_may_be_exposed_published_or_neither(self):
        container = inspected(
            Config={"ExposedPorts": {"80/tcp": {}}},
            NetworkSettings={"Ports": {"81/tcp": None, "82/tcp": [], "83/tcp": [{"HostIp": "", "HostPort": "1083"}]}},
        )
        assert container.exposed == (Port(80), Port(81), Port(82), Port(83))
        assert container.bindings == (Binding(83, "tcp", "", 1083),)

    def test_the_order_is_by_port_then_ipv4_first_then_the_engines_own(self):
        bindings = [{"HostIp": ip, "HostPort": port} for ip, port in [("::", "9"), ("10.0.0.1", "8"), ("0.0.0.0", "7")]]
        ports = {"443/tcp": [{"HostIp": "::1", "HostPort": "6"}], "80/tcp": bindings}
        found = inspected(NetworkSettings={"Ports": ports}).bindings
        assert [(one.port, one.host_port) for one in found] == [(80, 8), (80, 7), (80, 9), (443, 6)]

    @pytest.mark.parametrize("key", ["", "tcp", "0/tcp", "65536/tcp", "-1/tcp", "8o/tcp", "80.5", "٨٠/tcp", "9" * 5000])
    def test_what_is_no_port_is_left_out(self, key):
        container = inspected(NetworkSettings={"Ports": {key: [{"HostIp": "", "HostPort": "80"}]}})
        assert (container.exposed, container.bindings) == ((), ())

    @pytest.mark.parametrize("port", ["", None, "0", "65536", "x", "80\n"])
    def test_a_host_port_that_is_none_is_left_out(self, port):
        ports = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": port}]}
        assert inspected(NetworkSettings={"Ports": ports}).bindings == ()

    def test_a_host_address_that_is_none_takes_its_binding_along(self):
        ports = {"80/tcp": [{"HostIp": "1.2.3.4\nbackend evil", "HostPort": "80"}]}
        assert inspected(NetworkSettings={"Ports": ports}).bindings == ()

    def test_a_port_without_a_protocol_is_tcp(self):
        assert inspected(Config={"ExposedPorts": {"80": {}}}).exposed == (Port(80, "tcp"),)


class TestAttachments:
    def test_they_are_sorted_and_a_missing_address_is_empty(self):
        networks = {
            "b": {"NetworkID": "2", "IPAddress": "10.0.0.2", "GlobalIPv6Address": "fd00::2"},
            "a": {"NetworkID": "1", "IPAddress": None},
            "c": None,
        }
        assert inspected(NetworkSettings={"Networks": networks}).attachments == (
            Attachment("a", "1"),
            Attachment("b", "2", "10.0.0.2", "fd00::2"),
        )

    def test_an_old_engine_tells_only_the_address_on_the_bridge(self):
        settings = {"IPAddress": "172.17.0.2", "Ports": {}}
        assert inspected(NetworkSettings=settings).attachments == (Attachment("bridge", "", "172.17.0.2"),)

    def test_an_address_that_is_none_is_as_good_as_missing(self):
        networks = {"a": {"NetworkID": "1", "IPAddress": "evil; rm"}}
        assert inspected(NetworkSettings={"Networks": networks}).attachments == (Attachment("a", "1"),)


class TestNames:
    @pytest.mark.parametrize(
        ("names", "name", "node"),
        [
            (["/web"], "web", ""),
            (["web"], "web", ""),
            (["/other/alias", "/web"], "web", ""),
            (["/n1/web/db", "/n1/web"], "web", "n1"),
            (["/z", "/a"], "a", ""),
            ([], "", ""),
            (None, "", ""),
        ],
    )
    def test_the_shortest_path_is_its_own(self, names, name, node):
        container = listed(Names=names)
        assert (container.name, container.node) == (name, node)


class TestTimes:
    @pytest.mark.parametrize(
        ("said", "meant"),
        [
            ("2026-11-24T08:24:49.461899207Z", "2026-11-24T08:24:49.461899207Z"),
            ("2026-11-24T08:24:49.4Z", "2026-11-24T08:24:49.400000000Z"),
            ("2026-11-24T08:24:49Z", "2026-11-24T08:24:49.000000000Z"),
            ("2026-11-24T09:24:49.5+01:00", "2026-11-24T08:24:49.500000000Z"),
            ("2026-11-23T22:54:49.5-09:30", "2026-11-24T08:24:49.500000000Z"),
            ("0001-01-01T00:00:00Z", ""),
            ("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00+23:59"),
            ("2026-99-24T08:24:49Z", "2026-99-24T08:24:49Z"),
            ("yesterday", "yesterday"),
            ("", ""),
        ],
    )
    def test_times_are_utc_with_nine_decimals(self, said, meant):
        assert inspected(State={"StartedAt": said}).started_at == meant

    def test_the_text_order_of_two_runs_is_their_time_order(self):
        early, late = "2026-11-24T08:24:49.4176Z", "2026-11-24T08:24:49.41763Z"
        assert inspected(State={"StartedAt": early}).started_at < inspected(State={"StartedAt": late}).started_at


@given(st.dictionaries(st.text(), st.text(), max_size=3), st.lists(st.text(), max_size=4), st.text())
def test_no_label_variable_or_name_breaks_the_reading(labels, env, name):
    container = inspected(Name=name, Config={"Labels": labels, "Env": env})
    assert container.labels == labels
    assert container.name == name.removeprefix("/")
