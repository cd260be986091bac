"""The local API over a real unix socket: what it answers, and what it refuses."""

import asyncio
import json
import tempfile
from pathlib import Path

import aiohttp
import pytest

from interlock.core.decisions import Explanation, Verdict
from interlock.core.model import RouteTable
from interlock.core.problems import PermanentError, TemporaryError
from interlock.core.route_changes import RouteChanges
from interlock.core.status import ContainerStatus, OrdersStatus, ProxyStatus, Receipt, RoutesStatus, Status
from interlock.core.targets import Names, UnknownTargetError
from interlock.core.trace import Outcome, Trace
from interlock.core.traffic import Counters, ProxyTraffic, RouteTraffic, Traffic
from interlock.host.listening import Listener
from interlock.web.answers import LARGEST_BODY
from interlock.web.endpoint import Right
from interlock.web.server import ENDPOINTS, serve

EXPLANATION = Explanation(
    container="web_1", id="1" * 64, engine="docker", verdict=Verdict.YES, cause=None, decisions=()
)
WEB = ContainerStatus(engine="docker", id="1" * 64, name="web_1")


def status(**fields):
    said = {
        "version": "9.9",
        "ready": True,
        "not_ready_because": (),
        "seconds_since_reconcile": 1.5,
        "routes": 2,
        "servers": {},
        "engines": (),
        "proxies": (),
        "orders": OrdersStatus(),
        "problems": (),
    }
    return Status(**(said | fields))


class PaperOrders:
    """Writes down what is ordered, and fails as it is told to."""

    def __init__(self):
        self.taken = []
        self.failure = None
        self.now = status()

    def status(self):
        return self.now

    def routes(self):
        return RoutesStatus(routes=(), problems=())

    @property
    def changes(self):
        return RouteChanges(RouteTable(), run="run1")

    def names(self):
        return Names(containers=("web_1",), services=("web",), hosts=("a.com",))

    async def traffic(self):
        counters = Counters(requests=3, errors=1, sessions=0, latency=4)
        route = RouteTraffic(host="a.com", path="/", total=counters, servers={"web_1": counters})
        return Traffic(proxies=(ProxyTraffic(proxy="haproxy", at=12.5, routes=(route,)),))

    async def containers(self, who):
        self._take("containers", who)
        return (WEB,)

    async def explain(self, who):
        self._take("explain", who)
        return (EXPLANATION,)

    async def trace(self, url):
        self._take("trace", url)
        return Trace(url=url, host="a.com", path="/", outcome=Outcome.NOT_FOUND, what="404")

    async def drain(self, who):
        return self._take("drain", who)

    async def undrain(self, who):
        return self._take("undrain", who)

    async def weigh(self, who, weight):
        return self._take("weigh", who, weight)

    async def close(self, host, message, until):
        return self._take("close", host, message, until)

    async def reopen(self, host):
        return self._take("reopen", host)

    async def confirm(self):
        return self._take("confirm")

    def _take(self, *order):
        if self.failure is not None:
            raise self.failure
        self.taken.append(order)
        return Receipt(containers=(WEB,), warnings=("careful",))


class Api:
    def __init__(self, session, orders):
        self.session, self.orders = session, orders

    async def get(self, path, method="GET", **more):
        async with self.session.request(method, f"http://interlock{path}", **more) as answer:
            assert answer.content_type == "application/json"
            return answer.status, await answer.json()

    async def post(self, path, body):
        return await self.get(path, "POST", json=body)


@pytest.fixture
async def api():
    orders = PaperOrders()
    with tempfile.TemporaryDirectory(prefix="il-") as folder:
        listener = Listener(Path(folder) / "interlock.sock")
        serving = asyncio.get_running_loop().create_task(serve(orders, listener.socket))
        connector = aiohttp.UnixConnector(str(listener.path))
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Api(session, orders)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        listener.close()


async def test_it_says_that_it_lives_and_whether_it_is_ready(api):
    assert await api.get("/healthz") == (200, {"alive": True})
    assert await api.get("/readyz") == (200, {"ready": True, "because": [], "without": []})
    api.orders.now = status(ready=False, not_ready_because=("engine docker has not told yet what it runs",))
    assert await api.get("/readyz") == (
        503,
        {"ready": False, "because": ["engine docker has not told yet what it runs"], "without": []},
    )
    proxies = [
        ProxyStatus(name=name, version="1", ready=name == "a", reloads=0, error="", waited_for=name != "c")
        for name in "abc"
    ]
    api.orders.now = status(proxies=tuple(proxies))
    assert (await api.get("/readyz"))[1]["without"] == ["c"]


async def test_looking(api):
    code, told = await api.get("/v1/status")
    assert (code, told["version"], told["seconds_since_reconcile"]) == (200, "9.9", 1.5)
    assert await api.get("/v1/routes") == (200, {"routes": [], "problems": []})
    told = {"at": "run1-0", "whole": False, "routes": [], "gone": []}
    assert await api.get("/v1/routes/since/run1-0") == (200, told)
    assert await api.get("/v1/routes/since/0") == (200, told | {"whole": True})
    assert await api.get("/v1/names") == (200, {"containers": ["web_1"], "services": ["web"], "hosts": ["a.com"]})
    code, containers = await api.get("/v1/containers/shop/web")
    assert (code, containers[0]["name"]) == (200, "web_1")
    assert api.orders.taken == [("containers", "shop/web")]
    code, told = await api.get("/v1/traffic")
    counters = {"requests": 3, "errors": 1, "sessions": 0, "latency": 4}
    assert (code, told["proxies"][0]["routes"][0]["servers"]) == (200, {"web_1": counters})


async def test_asking_why(api):
    code, found = await api.get("/v1/explain/shop/web")
    assert (code, found[0]["container"], found[0]["verdict"]) == (200, "web_1", "yes")
    code, found = await api.get("/v1/trace?url=http%3A%2F%2Fa.com%2Fx%3Fy")
    assert (code, found["outcome"]) == (200, "not found")
    assert api.orders.taken == [("explain", "shop/web"), ("trace", "http://a.com/x?y")]
    code, found = await api.get("/v1/trace")
    assert (code, found["fix"]) == (400, "ask for /v1/trace?url=http://www.example.com/")


@pytest.mark.parametrize(
    ("path", "body", "order"),
    [
        ("/v1/drain", {"target": "web_1"}, ("drain", "web_1")),
        ("/v1/undrain", {"target": "web_1"}, ("undrain", "web_1")),
        ("/v1/weigh", {"target": "web", "weight": 20}, ("weigh", "web", 20)),
        ("/v1/weigh", {"target": "web", "weight": None}, ("weigh", "web", None)),
        ("/v1/maintenance", {"host": "a.com", "on": True}, ("close", "a.com", "", "")),
        (
            "/v1/maintenance",
            {"host": "a.com", "on": True, "message": "m", "until": "2030-01-01T00:00:00Z"},
            ("close", "a.com", "m", "2030-01-01T00:00:00Z"),
        ),
        ("/v1/maintenance", {"host": "a.com", "on": False}, ("reopen", "a.com")),
        ("/v1/confirm", {}, ("confirm",)),
    ],
)
async def test_ordering(api, path, body, order):
    code, receipt = await api.post(path, body)
    assert code == 200
    assert api.orders.taken == [order]
    assert (receipt["containers"][0]["name"], receipt["warnings"]) == ("web_1", ["careful"])


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (UnknownTargetError("nobody is called x", fix="did you mean y?"), 404),
        (PermanentError("the weight is out of range", fix="use 0 to 256"), 400),
        (TemporaryError("haproxy did not confirm", fix="wait"), 503),
    ],
)
async def test_what_cannot_be_ordered_is_answered_with_what_and_fix(api, failure, code):
    api.orders.failure = failure
    assert await api.post("/v1/drain", {"target": "x"}) == (code, {"problem": failure.what, "fix": failure.fix})


async def test_a_bug_is_not_shown_to_the_caller(api):
    api.orders.failure = KeyError("secret")
    code, fault = await api.post("/v1/drain", {"target": "x"})
    assert (code, fault["problem"]) == (500, "Interlock failed over this request")
    assert "secret" not in json.dumps(fault)
    assert "Traceback" not in json.dumps(fault)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"target": 1}',
        b'{"target": ""}',
        b'{"target": "x", "force": true}',
        b'{"target": "\xff"}',
        json.dumps({"target": "x" * 300}).encode(),
    ],
)
async def test_a_body_of_another_shape_is_refused_with_an_example(api, body):
    headers = {"Content-Type": "application/json"}
    code, fault = await api.get("/v1/drain", "POST", data=body, headers=headers)
    assert code == 400
    assert '{"target": "web_1"}' in fault["fix"]
    assert api.orders.taken == []


async def test_a_body_that_a_web_page_could_send_is_refused(api):
    code, fault = await api.get("/v1/drain", "POST", data=b'{"target": "x"}', headers={"Content-Type": "text/plain"})
    assert (code, api.orders.taken) == (400, [])
    assert "Content-Type: application/json" in fault["fix"]


async def test_a_body_that_is_too_large_is_refused(api):
    code, fault = await api.post("/v1/drain", {"target": "x" * LARGEST_BODY})
    assert (code, api.orders.taken) == (413, [])
    assert str(LARGEST_BODY) in fault["problem"]


async def test_unknown_paths_and_methods_are_answered_with_those_that_there_are(api):
    code, fault = await api.get("/v2/status")
    assert code == 404
    assert "/v1/status" in fault["fix"]
    code, fault = await api.get("/v1/drain")
    assert (code, fault) == (405, {"problem": "/v1/drain does not take GET", "fix": "use POST"})


def test_everything_but_the_probes_is_versioned():
    assert {each.path for each in ENDPOINTS if not each.path.startswith("/v1/")} == {"/healthz", "/readyz", "/metrics"}


def test_what_changes_anything_needs_the_right_to_operate_and_what_tells_of_containers_that_to_read():
    for each in ENDPOINTS:
        if each.method != "GET":
            assert each.right is Right.OPERATE, each.path
        elif each.path.startswith("/v1/") and each.path not in {"/v1/access", "/v1/openapi.json"}:
            assert each.right is Right.READ, each.path
