import pytest

from interlock.core.problems import Severity
from interlock.lint import Rule

ROUTE = "interlock.hostname: www, interlock.domain: example.com"
NETWORKS = "networks: {front: {}, back: {}}"


def web(more, labels=ROUTE):
    return f"web: {{image: x, {more}, labels: {{{labels}}}}}"


class TestPorts:
    def test_of_several_ports_one_has_to_be_named(self, only):
        finding = only(web("expose: ['80', '443']"))

        assert (finding.rule, finding.fix) == (
            Rule.MISSING_PORT,
            "set label interlock.port to the one to use, like 80",
        )

    def test_the_only_published_port_of_several_is_the_one(self, found):
        assert found(web("expose: ['443'], ports: ['8080:80']")) == ()

    def test_without_ports_the_image_is_trusted_to_expose_one(self, found):
        assert found(web("init: true")) == ()

    def test_on_the_network_of_the_host_a_port_has_to_be_named(self, only):
        assert only(web("network_mode: host")).rule is Rule.MISSING_PORT

    def test_a_port_that_the_file_does_not_have_is_a_warning(self, only):
        finding = only(web("expose: ['8080']", f"{ROUTE}, interlock.port: '80'"))

        assert (finding.rule, finding.severity) == (Rule.OTHER_PORT, Severity.WARNING)

    def test_a_port_of_the_host_can_be_had_once(self, only, found):
        assert only(f"{web('ports: [8080:80]')}\ndb: {{image: y, ports: [8080:5432]}}").rule is Rule.TAKEN_PORT
        assert only(web("ports: [8080:80], scale: 2")).rule is Rule.TAKEN_PORT
        assert found("a: {image: y, ports: [8080:80]}\ndb: {image: y, ports: [8080:5432]}") == ()

    @pytest.mark.parametrize("ports", ["8081:80", "8080:80/udp", "127.0.0.2:8080:80"])
    def test_other_ports_and_addresses_do_not_collide(self, found, ports):
        assert found(f"{web(f'ports: [{ports!r}]')}\ndb: {{image: y, ports: ['127.0.0.1:8080:80']}}") == ()

    def test_services_of_different_profiles_are_alternatives(self, found):
        one = web("ports: ['8080:80'], profiles: [a]")

        assert found(f"{one}\ndb: {{image: y, profiles: [b], ports: ['8080:80']}}") == ()


class TestNetworks:
    INTERLOCK = "proxy: {image: 'ehazlett/interlock:1.4', networks: [front]}"

    def test_without_an_interlock_in_the_files_nothing_is_known(self, found):
        assert found(web("networks: [back]")) == ()

    @pytest.mark.parametrize(
        "interlock",
        [
            "proxy: {image: 'registry.example.com:5000/interlock@sha256:0', networks: [front]}",
            "proxy: {image: x, command: --plugin haproxy start, networks: [front]}",
            "proxy: {image: x, command: [-p, haproxy, --swarm-url, ''], networks: [front]}",
            "proxy: {image: nginx, labels: [interlock.ext.name=nginx], networks: [front]}",
        ],
    )
    def test_one_on_none_of_the_services_networks_cannot_reach_it(self, only, interlock):
        finding = only(f"{interlock}\n{web('networks: [back]')}")

        assert (finding.rule, finding.line, finding.key) == (Rule.NO_SHARED_NETWORK, 3, "networks")
        assert "www.example.com would answer 503" in finding.what

    @pytest.mark.parametrize("networks", ["networks: [front, back]", "networks: {front: {aliases: [a]}}"])
    def test_one_shared_network_is_enough(self, found, networks):
        assert found(f"{self.INTERLOCK}\n{web(networks)}") == ()

    def test_an_interlock_on_the_hosts_network_reaches_all(self, found):
        interlock = "proxy: {image: interlock, network_mode: host}"

        assert found(f"{interlock}\n{web('networks: [back]')}") == ()

    @pytest.mark.parametrize(
        "told",
        [
            "command: --swarm-url tcp://10.0.0.5:2375 -p haproxy start",
            "environment: {HAPROXY_PROXY_BACKEND_OVERRIDE_ADDRESS: 10.0.0.5}",
            "environment: [DOCKER_HOST=tcp://10.0.0.5:2375]",
        ],
    )
    def test_a_published_port_is_reached_where_the_nodes_address_is_known(self, found, only, told):
        interlock = f"proxy: {{image: interlock, networks: [front], {told}}}"

        assert found(f"{interlock}\n{web('networks: [back], ports: [8080:80]')}") == ()
        assert only(f"{interlock}\n{web('networks: [back]')}").rule is Rule.NO_SHARED_NETWORK

    def test_the_hosts_network_is_not_one_that_is_shared(self, only):
        service = web("network_mode: host", f"{ROUTE}, interlock.port: '80'")

        assert only(f"{self.INTERLOCK}\n{service}").key == "network_mode"

    def test_a_service_without_network_has_no_address(self, only):
        assert only(web("network_mode: none")).rule is Rule.NO_ADDRESS

    def test_a_network_is_named_as_docker_knows_it(self, only):
        finding = only(web("networks: [back]", f"{ROUTE}, interlock.network: default"))

        assert (finding.rule, finding.line) == (Rule.UNKNOWN_NETWORK, 2)
        assert finding.fix.startswith("write ")
        assert finding.fix.endswith("_default, or give the network that name (networks: {default: {name: default}})")

    def test_a_network_that_the_service_is_not_on_is_told(self, only):
        finding = only(web("networks: [back]", f"{ROUTE}, interlock.network: elsewhere"))

        assert (finding.rule, finding.fix) == (
            Rule.UNKNOWN_NETWORK,
            "put the service on it (networks: [elsewhere]), or name one that it is on",
        )
