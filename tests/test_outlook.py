"""What would change: from two tables to steps and other lines of files."""

from pathlib import Path

import msgspec
import pytest

from interlock.compose import read_project
from interlock.core.model import (
    Attachment,
    Backend,
    ContainerKey,
    Maintenance,
    Match,
    Options,
    Port,
    Route,
    RouteTable,
    Server,
    ServerState,
)
from interlock.core.overrides import Overrides
from interlock.core.plan import AddRoute, AddServer, Reload, RemoveRoute, RemoveServer, make_plan
from interlock.core.problems import PermanentError
from interlock.core.status import routes_status
from interlock.outlook import deployed, outlook, served_last, serving_of, told_by, wanted
from interlock.proxies.contract import Context, Plugin, Preview
from interlock.proxies.serving.sites import LastGood, Site
from interlock.settings import EngineSettings
from interlock.survey import survey
from interlock.testing import FakeEngine
from interlock.testing.worlds import container

DEMO = Match("demo.interlock.com")
CONTEXT = Context(name="haproxy", settings=None, state_dir=Path("/s"), run_dir=Path("/r"), look_again=lambda: None)
COMPOSE = """\
name: shop
services:
  web:
    image: x
    scale: 2
    networks: [front]
    labels: {interlock.hostname: shop, interlock.domain: example.com}
networks: {front: {}}
"""


def server(name):
    return Server(name=name, address="10.0.0.1", port=80, container=ContainerKey("docker", "1" * 64))


def table(*servers, match=DEMO, **more):
    return RouteTable([Route(match=match, backend=Backend(servers=servers, **more))])


def plugin(on_disk=None, **more):
    """A proxy whose configuration is one line a server; the tables that it was asked about are kept."""

    async def preview(context, routes):
        asked.append(routes)
        lines = [f"{each.name} {each.endpoint}\n" for route in routes.values() for each in route.backend.servers]
        return Preview(files={"cfg": "".join(lines)}, on_disk=on_disk or {}, **more)

    asked = []
    made = Plugin(
        name="paper", version="1", description="", url="", settings=type(None), build=lambda _: None, preview=preview
    )
    return made, asked


async def look(folder, hostname, *, name="docker", **labels):
    """A survey of an engine with one container that asks for a route."""
    fake = FakeEngine()
    fake.run("web", labels={"interlock.hostname": hostname, "interlock.port": "80", **labels})
    async with fake.serve_unix(folder / "docker.sock") as url:
        return await survey(EngineSettings(url=url, name=name))


class TestServing:
    @pytest.mark.parametrize("state", list(ServerState))
    def test_what_serves_a_table_needs_no_step_to_serve_it(self, state):
        routes = table(server("web_1"), msgspec.structs.replace(server("web_2"), state=state))
        plan = make_plan(dict(routes), serving_of(routes))

        assert (plan.steps, plan.reload) == ((), None)

    def test_a_closed_host_is_served_closed(self):
        closed = Route(match=DEMO, backend=Backend(), maintenance=Maintenance("soon"))
        routes = RouteTable([closed])

        assert make_plan(dict(routes), serving_of(routes)).steps == ()

    def test_the_running_interlocks_answer_gives_its_table_back(self):
        routes = table(server("web_1"), options=Options(ssl_only=True))

        assert dict(told_by(routes_status(routes, []))) == dict(routes)


class TestServedLast:
    def test_the_last_good_state_gives_its_routes_back(self, tmp_path):
        sites = (
            Site(match=DEMO, options=Options(), servers=(server("web_1"),)),
            Site(match=Match("gone.com"), options=Options(), routed=False),
        )
        (tmp_path / "last-good.json").write_bytes(msgspec.json.encode(LastGood(sites=sites)))

        assert dict(served_last(tmp_path)) == dict(table(server("web_1")))

    def test_where_there_is_none_nothing_was_served(self, tmp_path):
        assert served_last(tmp_path) is None

    def test_a_damaged_one_is_an_error(self, tmp_path):
        (tmp_path / "last-good.json").write_text("{")

        with pytest.raises(PermanentError, match="is damaged"):
            served_last(tmp_path)


class TestOutlook:
    async def test_nothing_changes_where_the_same_is_wanted(self):
        routes = table(server("web_1"))
        made, asked = plugin()
        found = await outlook(made, CONTEXT, before=routes, now=routes)

        assert (found.steps, found.diff) == ((), ())
        assert asked == [routes, routes]

    async def test_steps_and_lines_tell_what_changes(self):
        made, _ = plugin()
        before, now = table(server("web_1")), table(server("web_2"))
        found = await outlook(made, CONTEXT, before=before, now=now)

        assert [type(step) for step in found.steps] == [AddServer, RemoveServer]
        assert found.diff[:2] == ("--- cfg (now)", "+++ cfg (then)")
        assert [line[0] for line in found.diff[3:]] == ["-", "+"]

    async def test_what_is_on_disk_counts_where_it_can_be_read(self):
        routes = table(server("web_1"))
        made, asked = plugin({"cfg": "maxconn 5\n"})
        found = await outlook(made, CONTEXT, before=routes, now=routes)

        assert found.steps == ()
        assert "-maxconn 5" in found.diff
        assert len(asked) == 1

    async def test_a_reload_comes_last_and_what_is_gone_goes(self):
        made, _ = plugin()
        now = table(server("web_1"), match=Match("new.com"))
        found = await outlook(made, CONTEXT, before=table(server("web_1")), now=now)

        assert [type(step) for step in found.steps] == [RemoveRoute, RemoveServer, Reload]

    async def test_a_new_route_that_the_proxy_would_seat_takes_no_reload(self):
        new = Match("new.com")
        made, _ = plugin(seats=lambda routes, hosts: [m for m in routes if hosts == {DEMO.host}])
        before = table(server("web_1"))
        now = RouteTable([*before.values(), *table(server("web_1"), match=new).values()])
        found = await outlook(made, CONTEXT, before=before, now=now)

        assert [(type(step), step.match) for step in found.steps] == [(AddServer, new), (AddRoute, new)]

    async def test_at_the_start_of_an_interlock_a_new_route_is_loaded(self):
        made, _ = plugin(seats=lambda routes, _: routes)
        before = table(server("web_1"))
        now = RouteTable([*before.values(), *table(server("web_1"), match=Match("new.com")).values()])
        found = await outlook(made, CONTEXT, before=before, now=now, runs=False)

        assert found.steps == (Reload("new site new.com"),)

    async def test_where_nothing_is_served_the_first_load_is_a_reload_anyway(self):
        made, _ = plugin(seats=lambda routes, _: routes)
        found = await outlook(made, CONTEXT, before=RouteTable(), now=table(server("web_1")))

        assert [type(step) for step in found.steps] == [Reload]

    async def test_without_live_servers_every_change_is_one_reload(self):
        made, _ = plugin(live_servers=False)
        found = await outlook(made, CONTEXT, before=table(server("web_1")), now=table(server("web_2")))

        assert found.steps == (Reload("servers of demo.interlock.com changed"),)

    async def test_a_proxy_without_a_configuration_has_its_steps(self):
        made, _ = plugin()
        bare = msgspec.structs.replace(made, preview=None)
        found = await outlook(bare, CONTEXT, before=RouteTable(), now=table(server("web_1")))

        assert [type(step) for step in found.steps] == [Reload]
        assert found.diff == ()


class TestWanted:
    @pytest.fixture
    def project(self, tmp_path):
        return read_project(tmp_path / "compose.yaml", {}, text=COMPOSE)

    @pytest.fixture
    async def seen(self, tmp_path):
        return await look(tmp_path, "www")

    async def test_who_runs_counts_as_answering(self, seen):
        (route,) = wanted([seen], Overrides()).table.values()

        assert [each.state for each in route.backend.servers] == [ServerState.READY]

    async def test_orders_are_in_force(self, seen):
        orders = Overrides(maintenance={"www.local": Maintenance("soon")})
        (route,) = wanted([seen], orders).table.values()

        assert route.maintenance == Maintenance("soon")

    async def test_a_file_comes_on_top(self, seen, project):
        found = wanted([seen], Overrides(), project)

        assert {match.host for match in found.table} == {"www.local", "shop.example.com"}

    async def test_the_containers_of_all_engines_count(self, seen, tmp_path):
        found = wanted([seen, await look(tmp_path, "blog", name="other")], Overrides())

        assert {match.host: route.backend.servers[0].container.engine for match, route in found.table.items()} == {
            "www.local": "docker",
            "blog.local": "other",
        }

    async def test_a_file_goes_to_the_engine_that_has_its_project(self, seen, project, tmp_path):
        old = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
        found = wanted([seen, await look(tmp_path, "old", name="other", **old)], Overrides(), project)
        engines = {each.name: each.key.engine for each in found.world.containers()}

        assert engines == {"web": "docker", "shop-web-1": "other", "shop-web-2": "other"}

    def test_its_project_is_the_files_once_it_is_deployed(self, project):
        def of_shop(name, number, service):
            labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": service}
            return msgspec.structs.replace(
                container(name, number=number, labels=labels),
                exposed=(Port(8080),),
                attachments=(Attachment("shop_front", "id-of-front", "10.0.0.2"),),
            )

        known = [of_shop("shop-web-1", 1, "web"), of_shop("shop-old-1", 2, "old"), container("lonely", number=3)]
        found = deployed(known, project, "docker")

        assert [each.name for each in found] == ["lonely", "shop-web-1", "shop-web-2"]
        assert [each.exposed for each in found[1:]] == [(Port(8080),)] * 2, "its image exposes it"
        assert {place.network_id for each in found[1:] for place in each.attachments} == {"id-of-front"}
