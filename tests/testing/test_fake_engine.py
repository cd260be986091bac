"""The fake engine speaks as the real ones do; what it says is compared with their recordings."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest

from interlock.testing import CLASSIC_SWARM, DOCKER_20, DOCKER_29, PODMAN_4, FakeEngine, Fault

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"


@asynccontextmanager
async def speaking(fake, tmp_path):
    async with fake.serve_unix(tmp_path / "s"):
        connector = aiohttp.UnixConnector(str(tmp_path / "s"))
        async with aiohttp.ClientSession("http://docker", connector=connector) as session:
            yield session


async def ask(session, path):
    async with session.get(path) as response:
        return response.status, await response.read()


async def told(session, act, path="/events", count=1):
    """The first events after an act."""
    async with session.get(path) as response:
        act()
        data = b""
        async with asyncio.timeout(20):
            while True:
                data += await response.content.readany()
                found = data.replace(b"}{", b"}\n{").splitlines()
                if len(found) >= count:
                    return [json.loads(one) for one in found]


def keys(document):
    """All paths of a document, without the names that a container chooses."""
    return {path for path, _ in walk("", document)}


def walk(path, value):
    if isinstance(value, dict) and path.rpartition(".")[2] not in {"Labels", "Ports", "Networks", "ExposedPorts"}:
        for key, inner in value.items():
            yield from walk(f"{path}.{key}", inner)
    yield path, value


class TestDocuments:
    @pytest.mark.parametrize(
        ("flavour", "name"),
        [
            (DOCKER_20, "engine/inspect_healthy.json"),
            (DOCKER_29, "engine29/inspect_healthy.json"),
            (CLASSIC_SWARM, "classic_swarm/inspect_dockchat_web_1.json"),
            (PODMAN_4, "podman/inspect.json"),
        ],
        ids=["20.10", "29", "swarm", "podman"],
    )
    async def test_an_inspect_holds_nothing_that_the_real_one_does_not(self, tmp_path, flavour, name):
        fake = FakeEngine(flavour)
        id_ = fake.run("web", ports={"80/tcp": [("0.0.0.0", 1)]}, **({} if flavour.is_swarm else {"health": "healthy"}))
        async with speaking(fake, tmp_path) as session:
            _, body = await ask(session, f"/containers/{id_}/json")
        assert keys(json.loads(body)) <= keys(json.loads((RECORDINGS / name).read_bytes()))

    @pytest.mark.parametrize(
        ("flavour", "name"),
        [
            (DOCKER_20, "engine/list_healthy.json"),
            (DOCKER_29, "engine29/list_healthy.json"),
            (CLASSIC_SWARM, "classic_swarm/containers_json_all_v1.41.json"),
        ],
        ids=["20.10", "29", "swarm"],
    )
    async def test_nor_does_a_list(self, tmp_path, flavour, name):
        fake = FakeEngine(flavour)
        fake.run("web", ports={"80/tcp": [("0.0.0.0", 1)]})
        async with speaking(fake, tmp_path) as session:
            _, body = await ask(session, "/containers/json")
        real = set().union(*(keys(entry) for entry in json.loads((RECORDINGS / name).read_bytes())))
        assert keys(json.loads(body)[0]) <= real

    async def test_all_lists_those_that_do_not_run_too(self, tmp_path):
        fake = FakeEngine()
        fake.create("created")
        fake.run("web")
        async with speaking(fake, tmp_path) as session:
            running = json.loads((await ask(session, "/containers/json"))[1])
            everything = json.loads((await ask(session, "/containers/json?all=1"))[1])
        assert [one["Names"] for one in running] == [["/web"]]
        assert len(everything) == 2

    async def test_a_container_is_found_by_name_and_by_the_beginning_of_its_id(self, tmp_path):
        fake = FakeEngine()
        id_ = fake.create("web")
        async with speaking(fake, tmp_path) as session:
            assert (await ask(session, "/containers/web/json"))[0] == 200
            assert (await ask(session, f"/containers/{id_[:12]}/json"))[0] == 200
            assert await ask(session, "/containers/nosuch/json") == (
                404,
                b'{"message": "No such container: /containers/nosuch/json"}',
            )

    async def test_it_tells_which_versions_it_speaks(self, tmp_path):
        async with speaking(FakeEngine(DOCKER_29), tmp_path) as session:
            async with session.get("/_ping") as response:
                assert response.headers["Api-Version"] == "1.56"
            status, body = await ask(session, "/v1.24/containers/json")
            assert (status, b"Minimum supported API version is 1.40" in body) == (400, True)
            status, body = await ask(session, "/v1.99/containers/json")
            assert (status, b"Maximum supported API version is 1.56" in body) == (400, True)

    async def test_a_swarm_manager_tells_its_nodes(self, tmp_path):
        fake = FakeEngine(CLASSIC_SWARM)
        fake.nodes["node-2"] = "Pending"
        async with speaking(fake, tmp_path) as session:
            status = json.loads((await ask(session, "/info"))[1])["SystemStatus"]
        assert [value for key, value in status if key.endswith("Status")] == ["Healthy", "Pending"]

    async def test_everything_that_is_asked_is_counted(self, tmp_path):
        fake = FakeEngine()
        async with speaking(fake, tmp_path) as session:
            for path in ("/_ping", "/version", "/info", "/containers/json", "/containers/x/json", "/images/json"):
                await ask(session, path)
        assert fake.calls == {"ping": 1, "version": 1, "info": 1, "list": 1, "inspect": 1, "unknown": 1}
        assert fake.requests[0] == "GET /_ping"


class TestEvents:
    @pytest.mark.parametrize(
        ("flavour", "actions"),
        [
            (DOCKER_20, ["kill", "die", "disconnect", "stop"]),
            (DOCKER_29, ["kill", "disconnect", "stop", "die"]),
            (CLASSIC_SWARM, ["kill", "die", "disconnect", "stop"]),
            (PODMAN_4, ["die", "cleanup"]),
        ],
        ids=["20.10", "29", "swarm", "podman"],
    )
    async def test_a_stop_is_told_in_the_order_of_the_real_one(self, tmp_path, flavour, actions):
        fake = FakeEngine(flavour)
        fake.run("web")
        async with speaking(fake, tmp_path) as session:
            events = await told(session, lambda: fake.stop("web"), count=len(actions))
        assert [event["Action"] for event in events] == actions

    async def test_engine_29_drops_the_legacy_fields_unless_an_older_version_is_spoken(self, tmp_path):
        fake = FakeEngine(DOCKER_29)
        async with speaking(fake, tmp_path) as session:
            (new,) = await told(session, lambda: fake.create("a"))
            (old,) = await told(session, lambda: fake.create("b"), "/v1.51/events")
        assert new.keys() == {"Type", "Action", "Actor", "scope", "time", "timeNano"}
        assert old.keys() == new.keys() | {"status", "id", "from"}

    async def test_a_swarm_manager_puts_nothing_between_events_and_filters_none(self, tmp_path):
        fake = FakeEngine(CLASSIC_SWARM)
        fake.run("web")
        async with speaking(fake, tmp_path) as session:
            path = '/events?filters={"type":["network"]}'
            events = await told(session, lambda: fake.check_health("web"), path, count=3)
        assert len(events) == 3
        assert events[0]["from"] == "example/web:1 node:node-1"

    async def test_the_filter_compares_the_beginning_of_an_action(self, tmp_path):
        fake = FakeEngine()
        fake.run("web", health="healthy")

        def act():
            fake.check_health("web")
            fake.connect("web", "backend")
            fake.set_health("web", "healthy")

        async with speaking(fake, tmp_path) as session:
            path = '/events?filters={"type":["container"],"event":["health_status"]}'
            (event,) = await told(session, act, path)
        assert event["Action"] == "health_status: healthy"

    async def test_podman_names_no_signal(self, tmp_path):
        fake = FakeEngine(PODMAN_4)
        fake.run("web")
        async with speaking(fake, tmp_path) as session:
            (event,) = await told(session, lambda: fake.kill("web", "1", ends=False))
        assert "signal" not in event["Actor"]["Attributes"]

    async def test_a_mute_engine_says_nothing(self, tmp_path):
        fake = FakeEngine()

        def act():
            fake.events.is_mute = True
            fake.create("unheard")
            fake.events.is_mute = False
            fake.create("heard")

        async with speaking(fake, tmp_path) as session:
            (event,) = await told(session, act)
        assert event["Actor"]["Attributes"]["name"] == "heard"

    async def test_a_cut_leaves_half_an_object(self, tmp_path):
        fake = FakeEngine()
        async with speaking(fake, tmp_path) as session, session.get("/events") as response:
            fake.events.cut_next_at = 10
            fake.create("web")
            assert await response.content.readany() == b'{"status":'
            with pytest.raises(aiohttp.ClientError):
                await response.content.readany()


class TestFaults:
    async def test_a_fault_goes_away_after_so_many_times(self, tmp_path):
        fake = FakeEngine()
        fake.faults.append(Fault(call="list", status=503, body=b"oh", times=2))
        async with speaking(fake, tmp_path) as session:
            answers = [await ask(session, "/containers/json") for _ in range(3)]
        assert answers == [(503, b"oh"), (503, b"oh"), (200, b"[]")]

    async def test_it_may_concern_one_container_only(self, tmp_path):
        fake = FakeEngine()
        fake.create("sick")
        fake.create("well")
        fake.faults.append(Fault(call="inspect", container="sick", status=500))
        async with speaking(fake, tmp_path) as session:
            assert (await ask(session, "/containers/sick/json"))[0] == 500
            assert (await ask(session, "/containers/well/json"))[0] == 200

    async def test_it_may_only_take_long(self, tmp_path):
        fake = FakeEngine()
        fake.faults.append(Fault(call="ping", delay=0.05))
        async with speaking(fake, tmp_path) as session:
            began = asyncio.get_running_loop().time()
            assert (await ask(session, "/_ping"))[0] == 200
            assert asyncio.get_running_loop().time() - began >= 0.05

    async def test_a_frozen_engine_answers_once_it_is_thawed(self, tmp_path):
        fake = FakeEngine()
        async with speaking(fake, tmp_path) as session:
            fake.freeze()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ask(session, "/_ping"), 0.05)
            fake.thaw()
            assert (await ask(session, "/_ping"))[0] == 200

    async def test_the_list_may_lag_behind_an_end(self, tmp_path):
        fake = FakeEngine()
        fake.list_lag = 60
        id_ = fake.run("web")
        fake.stop("web")
        async with speaking(fake, tmp_path) as session:
            assert json.loads((await ask(session, "/containers/json?all=1"))[1])[0]["State"] == "running"
            assert json.loads((await ask(session, f"/containers/{id_}/json"))[1])["State"]["Status"] == "exited"

    async def test_the_list_may_be_empty_for_a_while(self, tmp_path):
        fake = FakeEngine(CLASSIC_SWARM)
        fake.run("web")
        fake.hides_containers = True
        async with speaking(fake, tmp_path) as session:
            assert await ask(session, "/containers/json?all=1") == (200, b"[]")


class TestLife:
    async def test_each_start_is_another_run_at_its_own_address(self):
        fake = FakeEngine()
        for name in ("a", "b"):
            fake.run(name, networks=("bridge", "backend"))
        before = fake["a"].started_at
        fake.restart("a")
        assert fake["a"].started_at > before
        addresses = [address for name in ("a", "b") for address in fake[name].networks.values()]
        assert len(set(addresses)) == 4

    async def test_ids_are_never_used_twice(self):
        fake = FakeEngine()
        first = fake.create("web")
        fake.remove("web")
        assert fake.create("web") != first

    async def test_a_health_check_starts_anew_with_each_run(self):
        fake = FakeEngine()
        fake.run("web", health="healthy")
        assert fake["web"].health == "starting"

    async def test_it_may_be_served_again_after_an_outage(self, tmp_path):
        fake = FakeEngine()
        fake.run("web")
        for _ in range(2):
            async with speaking(fake, tmp_path) as session:
                assert len(json.loads((await ask(session, "/containers/json"))[1])) == 1

    async def test_a_flavour_may_be_changed(self, tmp_path):
        fake = FakeEngine(msgspec.structs.replace(DOCKER_20, tells_version_in_ping=False))
        async with speaking(fake, tmp_path) as session, session.get("/_ping") as response:
            assert "Api-Version" not in response.headers
