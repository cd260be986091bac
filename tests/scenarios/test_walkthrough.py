"""The walk-through of the original, on real programs: Compose scales, HAProxy follows."""

import re
import time

import pytest

from testbed import quick
from testbed.native import NativeInterlock
from testbed.relay import Relay
from testbed.waiting import wait_for

pytestmark = pytest.mark.real


def settled_reloads(interlock: NativeInterlock) -> int:
    """How many there were once the site had a backend of its own name: that reload is one that nothing waits for."""
    for _ in range(10):
        reloads = interlock.reloads
        time.sleep(3)
        if reloads and interlock.reloads == reloads:
            return reloads
    raise TimeoutError(f"it reloads again and again: {interlock.log[-8000:]}")


class TestScaling:
    def test_five_containers_each_take_their_share(self, stage):
        stage.application.scale("web", 5)
        stage.wait_for_all()
        tally = stage.site.ask(100)
        assert tally.is_clean
        assert set(tally.servers) == set(stage.names())
        assert len(tally.servers) == 5
        assert all(15 <= count <= 25 for count in tally.servers.values()), tally

    def test_scaled_back_to_one_nobody_notices(self, stage):
        stage.application.scale("web", 5)
        stage.wait_for_all()
        with stage.site.visitors() as visitors:
            stage.application.scale("web", 1)
            stage.wait_for_all()
        assert visitors.tally.is_clean, visitors.tally
        assert len(stage.names()) == 1

    def test_one_to_twenty_to_one_takes_no_reload(self, stage):
        reloads = settled_reloads(stage.interlock)
        with stage.site.visitors() as visitors:
            stage.application.scale("web", 20)
            stage.wait_for_all()
            assert len(stage.names()) == 20
            grown = visitors.tally
            stage.application.scale("web", 1)
            stage.wait_for_all()
        assert stage.interlock.reloads == reloads, stage.interlock.log[-8000:]
        assert grown.is_clean, grown
        # Docker tells of a signal after it has sent it. When 19 of 20 close their doors within some ms, HAProxy's
        # retries on other servers can run out before it has been told; that is a request or two, if any.
        statuses = visitors.tally.statuses
        assert statuses.total() - statuses[200] <= 3, visitors.tally

    def test_a_restarted_application_is_found_again(self, stage, tell):
        with stage.site.visitors() as visitors:
            stage.application("restart", "-t", "1", "web")
            restarted = time.time()
            stage.wait_for_all()
            time_back = next(a.ended for a in visitors.since(restarted - 1).answers if a.status == 200) - restarted
        tell(f"after docker-compose restart, the first 200 came {time_back * 1000:.0f} ms later")
        assert {answer.status for answer in visitors.since(restarted + time_back).answers} <= {200}


class TestAKilledContainer:
    def test_traffic_follows(self, stage, docker):
        stage.application.scale("web", 5)
        stage.wait_for_all()
        victim = min(stage.names())
        with stage.site.visitors() as visitors:
            docker("kill", victim)
            killed = time.time()
            wait_for(lambda: visitors.since(killed + 1).statuses.total() > 300, "visitors", seconds=20)
        after = visitors.since(killed + 1)
        assert after.is_clean, after
        assert victim not in after.servers
        assert len(after.servers) == 4


class TestSites:
    def test_a_second_service_becomes_a_second_site_by_itself(self, stage, docker, web_image):
        shop = stage.interlock.site("shop.interlock.com")
        assert shop.get().status == 404
        with stage.site.visitors() as visitors:
            key = docker("run", "--detach", "--env", quick.data("shop.interlock.com"), web_image)
            wait_for(lambda: shop.get().status == 200, "the second site", seconds=20)
        assert visitors.tally.is_clean
        assert set(shop.ask(10).servers) == {key[:12]}
        assert set(stage.site.ask(10).servers) == set(stage.names())

    def test_a_known_host_without_servers_answers_503_and_an_unknown_one_404(self, stage):
        stage.application("stop", "-t", "1", "web")
        wait_for(lambda: stage.site.get().status == 503, "503", seconds=20)
        assert stage.interlock.site("nobody.interlock.com").get().status == 404

    def test_hosts_are_matched_whole_and_in_any_case(self, stage):
        assert stage.interlock.site("DEMO.Interlock.COM").get().status == 200
        assert stage.interlock.site("demo.interlock.com:80").get().status == 200
        assert stage.interlock.site("demo.interlock.com.evil.org").get().status == 404


class TestWhatAPersonSees:
    def test_the_statistics_page_lists_the_backend_with_servers_named_after_the_containers(self, stage):
        stage.application.scale("web", 3)
        stage.wait_for_all()
        servers = stage.interlock.servers("demo_interlock_com")
        assert set(servers) == set(stage.names().values())
        assert all(status.startswith("UP") for status in servers.values())
        assert stage.interlock.site("").get("/haproxy?stats").status == 401

    def test_the_monitor_page_answers(self, stage):
        assert stage.interlock.site("").get("/haproxy?monitor").status == 200

    def test_the_log_tells_the_story_in_logfmt(self, stage):
        (name,) = stage.names().values()
        container = stage.application.containers("web")[name]
        log = stage.interlock.log
        for line in log.splitlines():
            assert re.match(r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=(debug|info|warning|error) msg=', line), line
        story = (
            r"interlock running version=",
            r"loading plugin name=haproxy version=",
            rf"\[interlock\] event: date=\d+ type=start image=\S+ container={container}",
            r"\[interlock\] dispatching event to plugin: name=haproxy version=",
            rf"\[haproxy\] demo\.interlock\.com: upstream=\S+:5000 container={name}",
            r"\[haproxy\] proxy (reloaded|updated) and ready",
        )
        assert re.search(".*".join(story), log, re.DOTALL), log


class TestCost:
    def test_an_event_costs_one_inspect_and_no_list(
        self, *, stage, dockerd, docker, web_image, interlock_native, tmp_path
    ):
        with Relay(tmp_path / "relay.sock", dockerd.socket) as relay:
            interlock: NativeInterlock = interlock_native(
                dockerd, url=relay.url, HAPROXY_PROXY_BACKEND_OVERRIDE_ADDRESS=dockerd.address
            )
            stage.application.scale("web", 5)
            site = interlock.site("demo.interlock.com")
            wait_for(lambda: set(site.ask(20).servers) == set(stage.names()), "five containers", seconds=30)
            before = len(relay.requests)
            key = docker("run", "--detach", "--publish", "5000", "--env", quick.data("demo.interlock.com"), web_image)
            wait_for(lambda: key[:12] in site.ask(10).servers, "the sixth container", seconds=30)
            assert relay.requests[before:] == [f"GET /containers/{key}/json"]
            before = len(relay.requests)
            docker("rm", "--force", key)
            interlock.wait_for(f"type=destroy .*{key}")
            wait_for(lambda: key[:12] not in site.ask(10).servers, "five containers", seconds=30)
            asked = relay.requests[before:]
            # kill, die and destroy are three events.
            assert len(asked) <= 3
            assert set(asked) <= {f"GET /containers/{key}/json"}


class TestSpeed:
    """From a `start` event to the first 200 through HAProxy: told, since no test can know how busy a machine is."""

    def test_of_a_replica_of_a_known_host(self, stage, docker, web_image, tell):
        times = [quick.milliseconds_until_seen(stage.site, docker, web_image) for _ in range(5)]
        tell(f"known host, from start event to first 200: {', '.join(f'{time:.0f} ms' for time in sorted(times))}")

    def test_of_a_new_host(self, stage, docker, web_image, tell):
        sites = [stage.interlock.site(f"new{number}.interlock.com") for number in range(5)]
        times = [quick.milliseconds_until_seen(site, docker, web_image) for site in sites]
        tell(f"new host, from start event to first 200: {', '.join(f'{time:.0f} ms' for time in sorted(times))}")
