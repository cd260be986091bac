"""HAProxy and NGINX answer alike: one suite, run against every one at hand. docs/nginx.md lists the differences."""

import asyncio
import contextlib
import io
import re
import ssl
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
import trustme

from interlock.core.model import (
    Balance,
    CheckKind,
    HealthCheck,
    Maintenance,
    Match,
    Options,
    Retry,
    ServerState,
    Verify,
)
from interlock.core.problems import TemporaryError
from interlock.proxies import haproxy, nginx
from interlock.proxies.contract import Context, Plugin
from interlock.proxies.haproxy.binary import PROGRAM as HAPROXY
from interlock.proxies.nginx.binary import PROGRAM as NGINX
from interlock.proxies.nginx.binary import lua_modules
from interlock.proxies.serving import program

pytestmark = pytest.mark.real

HOST = "demo.interlock.com"


class Kind(NamedTuple):
    plugin: Plugin
    settings: dict[str, Any]


def kinds():
    for path in sorted({path for path in program.candidates(HAPROXY, "") if Path(path).is_file()}):
        yield pytest.param(Kind(haproxy.PLUGIN, {"binary": path}), id=f"haproxy-{Path(path).parent.name}")
    for path in sorted({path for path in program.candidates(NGINX, "") if Path(path).is_file()}):
        has_lua = lua_modules(asyncio.run(program.find(NGINX, path))) is not None
        for live in (True, False) if has_lua else (False,):
            name = f"nginx-{Path(path).parent.name}-{'lua' if live else 'reloads'}"
            yield pytest.param(Kind(nginx.PLUGIN, {"binary": path, "live_servers": live}), id=name)


@pytest.fixture(params=kinds())
def kind(request):
    return request.param


@pytest.fixture
def plugin(kind):
    return kind.plugin


@pytest.fixture
async def bench(kind, new_bench):
    return await new_bench(**kind.settings)


def context_of(bench):
    """What an Interlock on the folders of the bench would be given."""
    state_dir, run_dir = bench.folder / "state", bench.folder / "run"
    return Context(name="edge", settings=bench.settings, state_dir=state_dir, run_dir=run_dir, look_again=lambda: None)


async def raw(bench, text):
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.settings.port)
    writer.write(text.encode())
    async with asyncio.timeout(20):
        answer = (await reader.read()).decode()
    writer.close()
    return answer


async def test_hosts_match_exactly_whatever_their_case_port_or_trailing_dot(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    for host in (HOST, "DEMO.Interlock.COM", f"{HOST}:8080", f"{HOST}.", f"{HOST}.:80"):
        assert await bench.get(host) == (200, "web_1"), host
    for host in (f"{HOST}.evil.org", "x" + HOST, "interlock.com", "x.demo.interlock.com", "127.0.0.1", "[::1]"):
        assert (await bench.get(host))[0] == 404, host
    assert (await bench.get(f"{HOST}/app"))[0] == 400


async def test_words_of_a_configuration_are_hosts_like_others(bench, applications):
    hosts = ("default", "hostnames", "include", "volatile", "server", "interlock_unknown", "10.0.0.7", "_x-y")
    for number, host in enumerate(hosts):
        bench.want(applications.server(f"web_{1 + number % 3}"), host=host)
    await bench.settle()
    for number, host in enumerate(hosts):
        assert await bench.get(host) == (200, f"web_{1 + number % 3}"), host


async def test_the_longest_host_and_path_are_served(bench, applications):
    host = ".".join(["a" * 63] * 3 + ["b" * 61])
    path = "/" + "p" * 255
    bench.want(applications.server("web_1"), host=host, path=path)
    await bench.settle()
    assert await bench.get(host, path) == (200, "web_1")
    assert (await bench.get(host, path[:-1]))[0] == 404


async def test_wildcards_match_below_their_domain_and_never_catch_a_known_hosts_other_paths(bench, applications):
    bench.want(applications.server("web_1"), host="*.wild.com")
    bench.want(applications.server("web_2"), host="*.deep.wild.com")
    bench.want(applications.server("web_3"), host="a.wild.com", path="/app")
    await bench.settle()
    assert await bench.get("x.wild.com") == (200, "web_1")
    assert await bench.get("y.x.wild.com") == (200, "web_1")
    assert await bench.get("x.deep.wild.com") == (200, "web_2")
    assert (await bench.get("wild.com"))[0] == 404
    assert await bench.get("a.wild.com", "/app/x") == (200, "web_3")
    assert (await bench.get("a.wild.com", "/"))[0] == 404


async def test_stand_bys_take_requests_only_while_no_local_server_can(bench, applications):
    def want(*local, standby, locality="node1"):
        servers = (*map(applications.server, local), *(applications.server(name, standby=True) for name in standby))
        bench.want(*servers, options=Options(locality=(locality,), check_interval=200))

    for local, standby in (("web_1", ("web_2", "web_3")), ("", ("web_2", "web_3")), ("web_1", ("web_2", "web_3"))):
        want(*filter(None, [local]), standby=standby)
        await bench.settle()
        assert set(await bench.shares(24)) == ({local} if local else set(standby))
    want("web_2", standby=("web_1", "web_3"), locality="node2")
    await bench.settle()
    assert set(await bench.shares(12)) == {"web_2"}, "another locality has come into force"
    await applications.kill("web_2")
    assert (await bench.get())[0] == 200
    assert set(await bench.shares(24)) == {"web_1", "web_3"}, "nobody told Interlock, and the proxy found out by itself"


async def test_paths_match_whole_segments_and_the_longest_wins(bench, applications):
    bench.want(applications.server("web_1"))
    bench.want(applications.server("web_2"), path="/app", options=Options(rewrite=True))
    bench.want(applications.server("web_3"), path="/app/v2")
    await bench.settle()
    assert await bench.get(path="/application") == (200, "web_1")
    assert await bench.get(path="/app/x?y=1") == (200, "web_2")
    assert applications.seen[-1].startswith("GET /x?y=1 ")
    assert await bench.get(path="/app/v2/z") == (200, "web_3")
    assert applications.seen[-1].startswith("GET /app/v2/z ")
    assert await bench.get(path="/app/v22") == (200, "web_2")


async def test_paths_with_capitals_dots_and_escapes_are_themselves(bench, applications):
    bench.want(applications.server("web_1"), path="/App.v1")
    bench.want(applications.server("web_2"), path="/app.v1")
    bench.want(applications.server("web_3"), path="/caf%C3%A9/A+b")
    await bench.settle()
    assert await bench.get(path="/App.v1/x") == (200, "web_1")
    assert await bench.get(path="/app.v1/x") == (200, "web_2")
    assert (await bench.get(path="/APP.v1"))[0] == 404
    assert (await bench.get(path="/Appxv1"))[0] == 404
    assert await bench.get(path="/caf%C3%A9/A+b") == (200, "web_3")


async def test_a_rewritten_context_root_without_its_slash_is_redirected_to_it(bench, applications):
    bench.want(applications.server("web_1"), path="/app", options=Options(rewrite=True))
    await bench.settle()
    for path, there in (("/app", "/app/"), ("/app?x=1", "/app/?x=1")):
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                f"http://127.0.0.1:{bench.settings.port}{path}", headers={"Host": HOST}, allow_redirects=False
            ) as answer,
        ):
            assert (answer.status, answer.headers["Location"]) == (301, there)
    assert await bench.get(path="/app/") == (200, "web_1")
    assert applications.seen[-1].startswith("GET / ")


async def test_a_url_reaches_the_container_as_it_was_sent(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    for path in ("/a//b", "/a/%2e%2e/b", "/%41?x=%20y&z", "/a;b=c?", "/a+b%2Fc"):
        await raw(bench, f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")
        assert applications.seen[-1].startswith(f"GET {path} "), path


async def test_a_known_host_without_servers_answers_503_and_one_that_is_given_up_404(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    bench.want()
    await bench.settle()
    assert (await bench.get())[0] == 503
    bench.table.drop(Match(HOST))
    await bench.settle()
    assert (await bench.get())[0] == 404
    bench.want(applications.server("web_1"))
    await bench.settle()
    assert await bench.get() == (200, "web_1")


async def test_replicas_come_and_go(bench, applications):
    for names in (("web_1",), ("web_1", "web_2"), ("web_1", "web_2", "web_3"), ("web_3",), ("web_1", "web_2")):
        bench.want(*(applications.server(name) for name in names))
        await bench.settle()
        assert set(await bench.shares(12)) == set(names)


async def test_a_server_that_must_not_take_traffic_takes_none(bench, applications):
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await bench.settle()
    bench.want(applications.server("web_1", state=ServerState.DRAINING), applications.server("web_2"))
    await bench.settle()
    assert set(await bench.shares(6)) == {"web_2"}
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await bench.settle()
    assert set(await bench.shares(8)) == {"web_1", "web_2"}


async def test_a_server_that_serves_stays_in_while_it_is_probed(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    bench.want(applications.server("web_1", state=ServerState.PROBING))
    await bench.settle()
    bench.want(applications.server("web_2"), host="other.com")
    await bench.settle()
    assert await bench.get() == (200, "web_1")


async def test_a_container_that_comes_back_under_its_name_at_another_address_is_found_there(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    bench.want()
    await bench.settle()
    await applications.kill("web_1")
    await applications.start("web_1")
    bench.want(applications.server("web_1"))
    await bench.settle()
    assert await bench.get() == (200, "web_1")


async def test_weights_share_the_load(bench, applications):
    bench.want(applications.server("web_1", weight=30), applications.server("web_2", weight=10))
    await bench.settle()
    assert 22 <= (await bench.shares(40))["web_1"] <= 38
    bench.want(applications.server("web_1", weight=0), applications.server("web_2", weight=10))
    await bench.settle()
    assert set(await bench.shares(6)) == {"web_2"}


@pytest.mark.parametrize("balance", [Balance.ROUNDROBIN, Balance.LEASTCONN, Balance.RANDOM])
async def test_every_server_of_a_fair_balance_gets_something(bench, applications, balance):
    names = ("web_1", "web_2", "web_3")
    bench.want(*(applications.server(name) for name in names), options=Options(balance=balance))
    await bench.settle()
    assert set(await bench.shares(60)) == set(names)


async def test_a_client_stays_with_its_server_and_a_url_with_its_own(bench, applications):
    names = ("web_1", "web_2", "web_3")
    servers = [applications.server(name) for name in names]
    bench.want(*servers, options=Options(balance=Balance.SOURCE))
    bench.want(*servers, host="uri.com", options=Options(balance=Balance.URI))
    await bench.settle()
    assert len(await bench.shares(12)) == 1
    of_url = {f"/{n}": (await bench.get("uri.com", f"/{n}"))[1] for n in range(30)}
    assert set(of_url.values()) == set(names)
    for path, name in of_url.items():
        assert (await bench.get("uri.com", f"{path}?other=query"))[1] == name
    (mine,) = await bench.shares(1)
    left = [server for server in servers if server.name != mine]
    bench.want(*left, options=Options(balance=Balance.SOURCE))
    await bench.settle()
    assert len(await bench.shares(6)) == 1


async def test_ssl_only_redirects_to_the_same_url_over_https(bench, applications):
    bench.want(applications.server("web_1"), options=Options(ssl_only=True))
    await bench.settle()
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"http://127.0.0.1:{bench.settings.port}/a?b=c",
            headers={"Host": f"{HOST}:8080", "X-Forwarded-Proto": "https"},
            allow_redirects=False,
        ) as answer,
    ):
        assert (answer.status, answer.headers["Location"]) == (302, f"https://{HOST}/a?b=c")


async def test_a_closed_host_says_so_and_is_opened_again(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    message = 'Back at "noon"; pay $5 {or} 7 % — bücher\\'
    bench.want(applications.server("web_1"), maintenance=Maintenance(message, "2099-01-01T12:00:00Z"))
    bench.want(host="never-seen.com", maintenance=Maintenance("Later"))
    await bench.settle()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{bench.settings.port}/x", headers={"Host": HOST}) as answer,
    ):
        assert (answer.status, await answer.text()) == (503, f"{message}\n")
        assert answer.headers["Retry-After"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert await bench.get("never-seen.com") == (503, "Later")
    bench.want(applications.server("web_1"))
    bench.table.drop(Match("never-seen.com"))
    await bench.settle()
    assert await bench.get() == (200, "web_1")
    assert (await bench.get("never-seen.com"))[0] == 404


async def test_what_a_client_says_of_itself_is_replaced(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    names = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP", "Proxy")
    await bench.get(f"{HOST}:81", headers=dict.fromkeys(names, "6.6.6.6"))
    head = applications.seen[-1].lower()
    assert "6.6.6.6" not in head
    port = bench.settings.port
    for line in (
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
        f"x-forwarded-host: {HOST}:81",
        f"x-forwarded-port: {port}",
        "x-real-ip: 127.0.0.1",
        f"host: {HOST}:81",
    ):
        assert f"{line}\r\n" in head
    assert "\r\nproxy:" not in head


async def test_each_request_has_an_id_of_ours(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    ids = set()
    for _ in range(3):
        await bench.get(headers={"X-Request-ID": "forged"})
        ids.add(re.search(r"x-request-id: ([0-9a-f-]{32,36})\r\n", applications.seen[-1].lower())[1])
    assert len(ids) == 3


async def test_a_trusted_proxy_is_believed(kind, new_bench, applications):
    bench = await new_bench(**kind.settings, trusted_proxies=("127.0.0.0/8",))
    bench.want(applications.server("web_1"), options=Options(ssl_only=True))
    await bench.settle()
    said = {
        "X-Forwarded-For": "9.9.9.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "a.b",
        "X-Real-IP": "9.9.9.9",
    }
    assert await bench.get(headers=said) == (200, "web_1")
    head = applications.seen[-1].lower().replace(" ", "")
    assert "x-forwarded-for:9.9.9.9" in head
    assert "x-forwarded-proto:https\r\n" in head
    assert "x-forwarded-host:a.b\r\n" in head
    assert "x-real-ip:9.9.9.9\r\n" in head


async def test_the_containers_own_server_header_arrives(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{bench.settings.port}/", headers={"Host": HOST}) as answer,
    ):
        assert answer.headers["Server"] == "web_1"


async def sessions(bench):
    """Requests under way; a proxy may not be able to tell for a moment."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(TemporaryError):
                return await bench.proxy.sessions(Match(HOST))
            await asyncio.sleep(0.01)


async def test_a_websocket_passes_and_outlives_a_change(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{bench.settings.port}/chat", headers={"Host": HOST}) as talk,
    ):
        await talk.send_str("one")
        assert (await talk.receive_str()) == "one"
        bench.want(applications.server("web_2"))
        bench.want(applications.server("web_3"), host="new.com")
        await bench.settle()
        await talk.send_str("two")
        assert (await talk.receive_str()) == "two"
        assert (await sessions(bench)).get("web_2", 0) == 0
    assert await bench.get() == (200, "web_2")


async def test_requests_under_way_are_counted(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    request = asyncio.ensure_future(bench.get(path="/slow"))  # noqa: TID251 - awaited below
    async with asyncio.timeout(20):
        while not (await sessions(bench)).get("web_1"):  # noqa: ASYNC110 - the count is the proxy's
            await asyncio.sleep(0.01)
    applications.go.set()
    assert await request == (200, "first second")


async def test_a_big_body_arrives_whole(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    size = 20_000_000

    async def chunks():
        for _ in range(200):
            yield b"x" * (size // 200)

    async with aiohttp.ClientSession() as session:
        for body in (io.BytesIO(b"x" * size), chunks()):
            async with session.post(
                f"http://127.0.0.1:{bench.settings.port}/bytes", data=body, headers={"Host": HOST}
            ) as answer:
                assert (answer.status, await answer.text()) == (200, str(size))


async def test_an_answer_is_passed_on_as_it_comes(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    async with (
        asyncio.timeout(20),
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{bench.settings.port}/slow", headers={"Host": HOST}) as answer,
    ):
        assert await answer.content.readexactly(6) == b"first "
        applications.go.set()
        assert await answer.content.read() == b"second"


async def test_http_1_0_is_served_and_one_without_a_host_is_nobodys(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    assert (await raw(bench, f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n")).endswith("web_1")
    assert (await raw(bench, "GET / HTTP/1.0\r\n\r\n")).split()[1] == "404"


async def test_a_url_and_a_header_that_name_two_hosts_are_refused(bench, applications):
    bench.want(applications.server("web_1"))
    bench.want(applications.server("web_2"), host="other.com")
    await bench.settle()
    ask = f"GET http://{HOST}/ HTTP/1.1\r\nHost: {{}}\r\nConnection: close\r\n\r\n"
    assert (await raw(bench, ask.format(HOST))).endswith("web_1")
    assert (await raw(bench, ask.format("other.com"))).split()[1] == "400"


async def test_a_client_keeps_its_connection(bench, applications):
    bench.want(applications.server("web_1"))
    await bench.settle()
    once = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
    last = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    assert (await raw(bench, once + once + last)).count("web_1") == 2 * 3  # its name and its Server header


async def test_a_killed_container_costs_no_get(bench, applications):
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await bench.settle()
    await bench.shares(4)
    await applications.kill("web_1")
    answers = [await bench.get() for _ in range(20)]
    assert set(answers) == {(200, "web_2")}


async def tried(bench, method, path):
    """The statuses of some requests to a site of which one server is weak; 502 where the connection is closed."""
    statuses = []
    for _ in range(8):
        body = "Content-Length: 1\r\nConnection: close\r\n\r\nx" if method == "POST" else "Connection: close\r\n\r\n"
        answer = await raw(bench, f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{body}")
        statuses.append(int(answer.split()[1]) if answer else 502)
    return set(statuses)


@pytest.mark.parametrize(
    ("retry", "saved", "lost"),
    [
        (Retry.OFF, [], [("GET", "/hangup"), ("POST", "/hangup"), ("GET", "/fails")]),
        (Retry.SAFE, [("GET", "/hangup")], [("POST", "/hangup"), ("GET", "/fails")]),
        (Retry.SAFE_5XX, [("GET", "/hangup"), ("GET", "/fails")], [("POST", "/hangup"), ("POST", "/fails")]),
        (Retry.ALL, [("GET", "/hangup"), ("POST", "/hangup")], [("GET", "/fails"), ("POST", "/fails")]),
    ],
)
async def test_what_may_be_made_again_is_and_nothing_else(bench, applications, retry, saved, lost):
    applications.weak.add("web_1")
    options = Options(retry=retry, check=HealthCheck(kind=CheckKind.NONE))
    bench.want(applications.server("web_1"), applications.server("web_2"), options=options)
    await bench.settle()
    for method, path in saved:
        assert await tried(bench, method, path) == {200}, (method, path)
    for method, path in lost:
        assert await tried(bench, method, path) & {500, 502}, (method, path)


async def test_tls_to_a_container_with_and_without_verification(kind, new_bench, folder, applications):
    ours, theirs = trustme.CA(), trustme.CA()
    ca = folder / "ca.pem"
    ours.cert_pem.write_to_path(str(ca))
    ca.chmod(0o644)
    for name, authority in (("good", ours), ("bad", theirs)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("good.com", "any.com").configure_cert(context)
        await applications.start(name, tls=context)
    bench = await new_bench(**kind.settings, ssl_backend_ca=str(ca))
    verified = Options(ssl_backend=True, ssl_backend_verify=Verify.REQUIRED)
    bench.want(applications.server("good"), host="good.com", options=verified)
    bench.want(applications.server("good"), host="wrong-name.com", options=verified)
    bench.want(applications.server("bad"), host="bad.com", options=verified)
    bench.want(applications.server("bad"), host="any.com", options=Options(ssl_backend=True))
    await bench.settle()
    assert await bench.get("good.com") == (200, "good")
    assert await bench.get("any.com") == (200, "bad")
    for host in ("wrong-name.com", "bad.com"):
        assert (await bench.get(host))[0] in {502, 503}, host


async def test_every_option_is_accepted(bench, applications):
    for number, balance in enumerate(Balance):
        bench.want(applications.server("web_1"), host=f"b{number}.com", options=Options(balance=balance))
    bench.want(host="t1.com", options=Options(ssl_backend=True, ssl_only=True, rewrite=True, check_interval=100))
    bench.want(host="t2.com", path="/x", options=Options(ssl_backend=True, ssl_backend_verify=Verify.REQUIRED))
    bench.want(host="t3.com", options=Options(websocket_endpoints=("/a", "/b"), ssl=True, ssl_certificate="none.pem"))
    outcome = await bench.turn()
    assert outcome.refused == ()
    for number in range(len(Balance)):
        assert await bench.get(f"b{number}.com") == (200, "web_1")


async def test_a_preview_is_what_is_written_to_the_byte_and_writes_nothing(kind, bench, applications):
    bench.want(applications.server("web_1"), options=Options(ssl_only=True))
    bench.want(applications.server("web_2"), host="b.com", path="/x", maintenance=Maintenance("soon"))
    await bench.load("preview")
    before = {path: path.stat().st_mtime_ns for path in bench.folder.rglob("*") if path.is_file()}
    found = await kind.plugin.preview(context_of(bench), bench.table)
    assert found.files == found.on_disk
    assert before == {path: path.stat().st_mtime_ns for path in bench.folder.rglob("*") if path.is_file()}
    bench.want(applications.server("web_3"), host="c.com")
    found = await kind.plugin.preview(context_of(bench), bench.table)
    assert found.files != found.on_disk


async def test_a_preview_tells_which_new_sites_the_proxy_would_seat(kind, bench, applications):
    bench.want(applications.server("web_1"))
    await bench.load("preview")
    new = {Match("c.com"): Options(), Match("d.com"): Options(retry=Retry.ALL), Match("e.com", "/x"): Options()}
    for match, options in new.items():
        bench.want(applications.server("web_2"), host=match.host, path=match.path, options=options)
    found = await kind.plugin.preview(context_of(bench), bench.table)
    seated = [match for match, options in new.items() if bench.proxy.seat(match, options) is not None]
    assert list(found.seats(new, {HOST})) == seated
    assert (Match("c.com") in seated) == bench.proxy.abilities.live_servers
    assert found.live_servers == bench.proxy.abilities.live_servers
