"""A proxy on paper does what each step says, and says what it would do."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from interlock.core.model import Backend, ContainerKey, Maintenance, Match, Route, RouteTable, Server, ServerState
from interlock.core.plan import (
    AddRoute,
    AddServer,
    CloseRoute,
    DrainServer,
    EnableServer,
    Lead,
    MoveServer,
    Reload,
    RemoveRoute,
    RemoveServer,
    Step,
    WeighServer,
)
from interlock.proxies.contract import Context
from interlock.proxies.dryrun import PLUGIN, SENTENCES

MATCH = Match("demo.com")


def server(name="web_1", port=80, state=ServerState.READY):
    return Server(name=name, address="10.0.0.1", port=port, container=ContainerKey("e", name), state=state)


def table(*servers):
    return RouteTable([Route(match=MATCH, backend=Backend(servers=servers))])


OPTIONS = table()[MATCH].backend.options


@pytest.fixture
def proxy():
    return PLUGIN.build(
        Context(name=PLUGIN.name, settings=PLUGIN.settings(), state_dir=Path(), run_dir=Path(), look_again=print)
    )


async def served(proxy):
    return (await proxy.observe(None))[MATCH]


def test_every_step_has_its_sentence():
    assert set(SENTENCES) == set(Step.__args__)


@pytest.mark.parametrize(
    ("step", "sentence", "servers"),
    [
        (
            AddServer(MATCH, server("web_2"), OPTIONS),
            "add web_2 at 10.0.0.1:80 to demo.com",
            {"web_1": (80, 100, True), "web_2": (80, 100, True)},
        ),
        (
            MoveServer(MATCH, server(port=81), OPTIONS),
            "move web_1 of demo.com to 10.0.0.1:81",
            {"web_1": (81, 100, True)},
        ),
        (WeighServer(MATCH, "web_1", 7), "give web_1 of demo.com the weight 7", {"web_1": (80, 7, True)}),
        (DrainServer(MATCH, "web_1"), "take web_1 of demo.com out of rotation", {"web_1": (80, 100, False)}),
        (EnableServer(MATCH, server()), "put web_1 of demo.com back into rotation", {"web_1": (80, 100, True)}),
        (RemoveServer(MATCH, "web_1"), "remove web_1 from demo.com", {}),
    ],
)
async def test_a_step_changes_a_server(proxy, step, sentence, servers):
    await proxy.apply([Reload("new site demo.com")], table(server()))
    with capture_logs() as lines:
        await proxy.apply([step], table())
    assert lines[0]["event"] == f"[dryrun] would {sentence}"
    now = (await served(proxy)).servers
    assert {n: (int(s.endpoint.split(":")[1]), s.weight, s.takes_traffic) for n, s in now.items()} == servers


async def test_a_route_is_closed_opened_and_given_up(proxy):
    closed = Maintenance("Back at \x1bnoon")
    with capture_logs() as lines:
        await proxy.apply([CloseRoute(MATCH, closed)], table())
    assert lines[0]["event"] == "[dryrun] would answer demo.com with: Back at \\x1bnoon"
    assert (await served(proxy)).leads == closed
    await proxy.apply([AddRoute(MATCH)], table())
    assert (await served(proxy)).leads is Lead.BACKEND
    await proxy.apply([RemoveRoute(MATCH)], table())
    assert (await served(proxy)).leads is Lead.NOWHERE


async def test_a_reload_takes_those_who_are_ready_and_keeps_who_served_while_it_is_probed(proxy):
    starting, probing = server("web_2", state=ServerState.STARTING), server("web_3", state=ServerState.PROBING)
    await proxy.apply([Reload("new site demo.com")], table(server(), starting, probing))
    assert set((await served(proxy)).servers) == {"web_1"}
    outcome = await proxy.apply([Reload("again")], table(server(state=ServerState.PROBING)))
    assert outcome.reloaded
    assert set((await served(proxy)).servers) == {"web_1"}
