import asyncio
import gzip
import json
import socket
import ssl
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import msgspec
import pytest
import trustme
from aiohttp import web

from interlock.core.problems import InterlockError, PermanentError, TemporaryError
from interlock.engines import client as client_module
from interlock.engines.address import EngineAddress
from interlock.engines.client import EngineClient
from interlock.engines.patience import PRODUCTION
from interlock.engines.session import KEPT_OPEN
from interlock.testing import CLASSIC_SWARM, DOCKER_20, DOCKER_29, PODMAN_4, FakeEngine, Fault


@pytest.fixture
def fake():
    return FakeEngine()


@pytest.fixture
def connected(quick):
    """A client of a URL."""

    def connect(url, **options):
        address = url if isinstance(url, EngineAddress) else EngineAddress.parse(url, **options)
        return EngineClient.connect(address, quick)

    return connect


async def refusal_of(connecting, ask):
    """What a call raises."""
    async with connecting as client:
        with pytest.raises(InterlockError) as refused:
            await ask(client)
    return refused.value


async def refused(connecting):
    """What connecting raises."""
    with pytest.raises(InterlockError) as error:
        async with connecting:
            pass
    return error.value


def test_an_idle_connection_is_kept_from_one_question_to_the_next():
    assert max(PRODUCTION.silence + PRODUCTION.ping, PRODUCTION.reconcile) < KEPT_OPEN


class TestVersions:
    @pytest.mark.parametrize(
        ("flavour", "description"),
        [
            (DOCKER_20, "Docker 20.10.24, API 1.41"),
            (DOCKER_29, "Docker 29.0.0, API 1.56"),
            (CLASSIC_SWARM, "classic Swarm 1.2.9, API 1.40"),
            (PODMAN_4, "Podman 4.3.1, API 1.41"),
        ],
        ids=["20.10", "29", "classic Swarm", "Podman"],
    )
    async def test_the_engines_own_version_is_spoken(self, connected, socket_path, flavour, description):
        fake = FakeEngine(flavour)
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            await client.containers()
            assert client.description == description
            assert client.is_swarm_manager == (flavour is CLASSIC_SWARM)
            assert fake.requests[-1].startswith(f"GET /v{description.split()[-1]}/containers/json")

    @pytest.mark.parametrize(
        ("newest", "oldest", "spoken"),
        [((1, 99), (1, 44), "1.56"), ((1, 99), (1, 60), "1.60"), ((1, 21), (1, 12), "1.21"), ((2, 0), (1, 0), "1.56")],
    )
    async def test_never_newer_than_known_nor_older_than_the_engine_still_speaks(
        self, connected, socket_path, newest, oldest, spoken
    ):
        fake = FakeEngine(msgspec.structs.replace(DOCKER_20, api=newest, oldest_api=oldest))
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            assert await client.containers() == []
            assert f"/v{spoken}/" in fake.requests[-1]

    async def test_an_engine_whose_ping_tells_no_version_is_asked_for_it(self, connected, socket_path):
        fake = FakeEngine(msgspec.structs.replace(DOCKER_20, tells_version_in_ping=False))
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            assert client.description == "Docker 20.10.24, API 1.41"

    async def test_a_proxy_that_denies_the_version_is_enough_if_the_ping_tells_it(self, connected, fake, socket_path):
        fake.faults.append(Fault(call="version", status=403))
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            assert client.description == "Docker of unknown version, API 1.41"

    async def test_so_is_one_that_denies_the_ping(self, connected, fake, socket_path):
        fake.faults.append(Fault(call="ping", status=403))
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            assert client.description == "Docker 20.10.24, API 1.41"

    async def test_what_tells_no_version_is_no_engine(self, connected, fake, socket_path):
        fake.faults += [Fault(call="ping", status=404), Fault(call="version", status=404)]
        async with fake.serve_unix(socket_path) as url:
            error = await refused(connected(url))
        assert isinstance(error, PermanentError)
        assert "address of a Docker engine" in error.fix

    @pytest.mark.parametrize("bound", ["Maximum", "Minimum"])
    async def test_a_version_that_is_refused_after_all_is_agreed_on_again(self, connected, fake, socket_path, bound):
        said = f"client version 1.41 is too new. {bound} supported API version is 1.24".encode()
        fake.faults.append(Fault(call="list", status=400, body=said, times=1))
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            await client.containers()
            assert fake.requests[-1] == "GET /v1.24/containers/json?all=1"
            async with client.events():
                assert fake.requests[-1].startswith("GET /v1.24/events")

    async def test_recorded_versions_are_read(self, recording):
        for name in ("engine/version.json", "engine29/version.json", "podman/version.json"):
            version = msgspec.json.decode(recording(name), type=client_module.Version)
            assert client_module._api_version(version.ApiVersion) >= (1, 41)
            assert client_module._api_version(version.MinAPIVersion) >= (1, 12)
        assert client_module._product(version) == "Podman 4.3.1"


class TestAnswers:
    async def test_a_container_that_is_gone_is_a_value(self, connected, socket_path):
        for flavour in (DOCKER_20, CLASSIC_SWARM):  # JSON, and bare text
            async with FakeEngine(flavour).serve_unix(socket_path) as url, connected(url) as client:
                assert await client.inspect("no such container") is None

    async def test_a_container_is_told(self, connected, fake, socket_path):
        id_ = fake.run("web")
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            assert (await client.inspect(id_)).Name == "/web"
            assert [entry.Id for entry in await client.containers()] == [id_]

    async def test_only_get_and_only_six_paths_are_ever_asked_for(self, connected, fake, socket_path):
        async with fake.serve_unix(socket_path) as url, connected(url) as client, client.events():
            await client.ping()
            await client.containers()
            await client.inspect("../../x?y#z")
            await client.swarm_nodes()
        paths = [request.removeprefix("GET ").partition("?")[0] for request in fake.requests]
        assert paths == [
            "/_ping",
            "/version",
            "/v1.41/events",
            "/_ping",
            "/v1.41/containers/json",
            "/v1.41/containers/..%2F..%2Fx%3Fy%23z/json",
            "/v1.41/info",
        ]

    @pytest.mark.parametrize("status", [500, 502, 503, 429, 409, 418])
    async def test_trouble_of_the_engine_is_temporary(self, connected, fake, socket_path, status):
        fake.faults.append(Fault(call="list", status=status, body=b'{"message":"oh \\u001b[31m no"}'))
        async with fake.serve_unix(socket_path) as url:
            error = await refusal_of(connected(url), EngineClient.containers)
        assert isinstance(error, TemporaryError)
        assert f"{status} to GET /containers/json: oh \\x1b[31m no" in str(error)

    @pytest.mark.parametrize(
        ("status", "fix"),
        [
            (401, "client certificate"),
            (403, "/events, /containers/json"),
            (404, "address of a Docker engine"),
            (405, "GET"),
        ],
    )
    async def test_a_refusal_is_permanent_and_tells_the_fix(self, connected, fake, socket_path, status, fix):
        fake.faults.append(Fault(call="list", status=status, body=b"<html>Forbidden"))
        async with fake.serve_unix(socket_path) as url:
            error = await refusal_of(connected(url), EngineClient.containers)
        assert isinstance(error, PermanentError)
        assert fix in error.fix

    async def test_a_redirect_is_not_followed(self, connected, fake, socket_path):
        fake.faults.append(Fault(call="list", status=301, headers={"Location": "http://192.0.2.1/"}))
        async with fake.serve_unix(socket_path) as url:
            error = await refusal_of(connected(url), EngineClient.containers)
        assert "points to http://192.0.2.1/" in str(error)

    @pytest.mark.parametrize("body", [b"", b"[", b'[{"Id":', b"null", b"<html>"])
    async def test_a_broken_body_is_temporary(self, connected, fake, socket_path, body):
        fake.faults.append(Fault(call="list", status=200, body=body))
        async with fake.serve_unix(socket_path) as url:
            assert isinstance(await refusal_of(connected(url), EngineClient.containers), TemporaryError)

    async def test_a_compressed_answer_is_read(self, connected, fake, socket_path):
        body = gzip.compress(b'[{"Id":"x"}]')
        fake.faults.append(Fault(call="list", status=200, body=body, headers={"Content-Encoding": "gzip"}))
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            assert [entry.Id for entry in await client.containers()] == ["x"]

    async def test_so_is_that_of_an_inspect_which_the_pool_does_not_understand(self, connected, fake, socket_path):
        body = gzip.compress(b'{"Id":"x"}')
        fake.faults.append(Fault(call="inspect", status=200, body=body, headers={"Content-Encoding": "gzip"}))
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            assert (await client.inspect("x")).Id == "x"

    async def test_an_inspect_is_refused_in_the_same_words_as_everything_else(self, connected, fake, socket_path):
        fake.faults.append(Fault(call="inspect", status=500, body=b'{"message":"oh no"}', times=1))
        async with fake.serve_unix(socket_path) as url:
            error = await refusal_of(connected(url), lambda one: one.inspect("x"))
        assert "500 to GET /containers/x/json: oh no" in str(error)
        assert fake.calls["inspect"] == 1

    async def test_an_inspect_agrees_on_another_version_if_it_must(self, connected, fake, socket_path):
        id_ = fake.run("web")
        said = b"client version 1.41 is too new. Maximum supported API version is 1.24"
        fake.faults.append(Fault(call="inspect", status=400, body=said, times=2))
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            assert (await client.inspect(id_)).Name == "/web"
            assert fake.requests[-1] == f"GET /v1.24/containers/{id_}/json"

    async def test_an_engine_that_is_gone_is_explained_by_an_inspect_too(self, connected, fake, socket_path):
        async with AsyncExitStack() as running:
            url = await running.enter_async_context(fake.serve_unix(socket_path))
            async with connected(url) as client:
                await running.aclose()
                socket_path.unlink(missing_ok=True)
                with pytest.raises(TemporaryError, match=r"cannot open the socket|connection broke"):
                    await client.inspect("x")

    async def test_an_answer_without_end_is_given_up(self, connected, fake, socket_path, monkeypatch):
        monkeypatch.setattr(client_module, "LARGE_BODY", 1000)
        fake.faults.append(Fault(call="list", status=200, body=b"[" + b" " * 2000))
        async with fake.serve_unix(socket_path) as url:
            error = await refusal_of(
                connected(url), lambda client: client._get("/containers/json", seconds=1, longest=999)
            )
        assert "longer than 999 bytes" in str(error)

    async def test_every_call_has_a_timeout(self, fake, socket_path, quick):
        fake.faults += [Fault(call=call, delay=60) for call in ("list", "inspect", "info", "events")]
        hasty = msgspec.structs.replace(quick, answer=0.1, list=0.1, ping=0.1)

        async def subscribe(client):
            async with client.events():
                pass

        async with fake.serve_unix(socket_path) as url:
            for ask in (EngineClient.containers, lambda one: one.inspect("x"), EngineClient.swarm_nodes, subscribe):
                error = await refusal_of(EngineClient.connect(EngineAddress.parse(url), hasty), ask)
                assert "in time" in str(error)
                assert isinstance(error, TemporaryError)

    @pytest.mark.parametrize(
        ("body", "nodes"),
        [
            (b"{}", []),
            (b'{"SystemStatus":null}', []),
            (b'{"SystemStatus":[["Nodes","0"]]}', []),
        ],
    )
    async def test_an_engine_that_is_no_swarm_manager_has_no_nodes(self, connected, fake, socket_path, body, nodes):
        fake.faults.append(Fault(call="info", status=200, body=body))
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            assert await client.swarm_nodes() == nodes

    async def test_the_nodes_of_a_recorded_swarm_are_read(self, connected, fake, socket_path, recording):
        for name in ("info.json", "info_dead_node.json"):
            fake.faults.append(Fault(call="info", status=200, body=recording(f"classic_swarm/{name}"), times=1))
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            assert await client.swarm_nodes() == ["Healthy", "Healthy"]
            assert await client.swarm_nodes() == ["Healthy", "Unhealthy"]

    async def test_the_engines_clock_is_told(self, connected, fake, socket_path):
        fake.seconds_ahead = 3600
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            told = await client.system_time()
        assert 3000 < (told - datetime.now(UTC)).total_seconds() < 4200

    async def test_a_manager_that_has_no_clock_tells_none(self, connected, socket_path):
        async with FakeEngine(CLASSIC_SWARM).serve_unix(socket_path) as url, connected(url) as client:
            assert await client.system_time() is None


class TestSignsOfLife:
    async def test_a_refused_ping_is_one(self, connected, fake, socket_path):
        fake.faults.append(Fault(call="ping", status=403))
        async with fake.serve_unix(socket_path) as url, connected(url) as client:
            await client.ping()

    async def test_an_error_or_silence_is_none(self, connected, fake, socket_path):
        async with fake.serve_unix(socket_path) as url:
            async with connected(url) as client:
                fake.faults.append(Fault(call="ping", status=503, times=1))
                with pytest.raises(TemporaryError, match="503"):
                    await client.ping()
                fake.freeze()
                with pytest.raises(TemporaryError, match="in time"):
                    await client.ping()
            fake.thaw()


class TestEvents:
    async def test_they_come_as_bytes_until_the_stream_breaks(self, connected, fake, socket_path):
        async with fake.serve_unix(socket_path) as url, connected(url) as client, client.events() as stream:
            fake.events.send(b"one")
            assert await stream.read() == b"one"
            fake.events.cut()
            with pytest.raises(TemporaryError, match="connection broke"):
                await stream.read()

    async def test_the_end_of_a_stream_is_an_error_too(self, connected, tmp_path):
        async def answer(request):
            if request.path.endswith("/events"):
                return web.Response(text="")
            return web.json_response({"ApiVersion": "1.41"})

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.UnixSite(runner, str(tmp_path / "s")).start()
        async with connected(f"unix://{tmp_path}/s") as client, client.events() as stream:
            with pytest.raises(TemporaryError, match="ended the event stream"):
                await stream.read()
        await runner.cleanup()

    async def test_the_filter_keeps_the_noise_of_health_checks_away(self, connected, fake, socket_path):
        fake.run("web", health="healthy")
        async with fake.serve_unix(socket_path) as url, connected(url) as client, client.events() as stream:
            fake.check_health("web")
            fake.set_health("web", "unhealthy")
            assert json.loads(await stream.read())["Action"] == "health_status: unhealthy"

    async def test_a_proxy_that_denies_them_is_told_what_to_allow(self, connected, fake, socket_path):
        fake.faults.append(Fault(call="events", status=403))

        async def subscribe(client):
            async with client.events():
                pass

        async with fake.serve_unix(socket_path) as url:
            error = await refusal_of(connected(url), subscribe)
        assert "socket proxy" in error.fix


class TestUnreachable:
    async def test_a_socket_that_is_not_there(self, connected, tmp_path):
        error = await refused(connected(f"unix://{tmp_path}/s"))
        assert isinstance(error, TemporaryError)
        assert "mount the directory" in error.fix

    async def test_a_socket_that_nobody_listens_on(self, connected, socket_path):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(socket_path))
        error = await refused(connected(f"unix://{socket_path}"))
        assert "connection refused" in str(error)
        assert "mount the directory" in error.fix

    async def test_a_directory_where_the_socket_should_be(self, connected, tmp_path):
        error = await refused(connected(f"unix://{tmp_path}"))
        assert (type(error), "is a directory" in str(error)) == (PermanentError, True)

    async def test_a_port_that_nobody_listens_on(self, connected, unused_port):
        error = await refused(connected(f"tcp://127.0.0.1:{unused_port}"))
        assert isinstance(error, TemporaryError)
        assert f"cannot connect to 127.0.0.1:{unused_port}" in str(error)

    async def test_a_name_that_nobody_knows(self, connected):
        error = await refused(connected("tcp://no-such-host.invalid"))
        assert isinstance(error, TemporaryError)
        assert "no-such-host.invalid is not known" in str(error)

    async def test_a_server_that_speaks_no_http(self, connected, unused_port):
        async def babble(reader, writer):
            writer.write(b"SSH-2.0-OpenSSH\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(babble, "127.0.0.1", unused_port)
        async with server:
            error = await refused(connected(f"tcp://127.0.0.1:{unused_port}"))
        assert isinstance(error, TemporaryError)
        assert str(error).isprintable()


class Paper:
    """A certificate authority, and what it has issued to both sides."""

    def __init__(self, folder):
        self.authority = trustme.CA()
        self.folder = folder
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        self.issue(self.authority)
        self.files = {
            "tls_ca": str(folder / "ca.pem"),
            "tls_cert": str(folder / "client.pem"),
            "tls_key": str(folder / "client.pem"),
        }

    def issue(self, authority):
        """Give Interlock a (new) certificate."""
        authority.issue_cert("interlock").private_key_and_cert_chain_pem.write_to_path(self.folder / "client.pem")

    def engine(self, *names, asks_for_certificates=True, **options):
        """TLS of an engine with these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*names, **options).configure_cert(context)
        self.authority.configure_trust(context)
        if asks_for_certificates:
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture
def paper(tmp_path):
    return Paper(tmp_path)


class TestTls:
    async def test_both_sides_prove_who_they_are(self, connected, fake, paper):
        async with (
            fake.serve_tcp(tls=paper.engine("127.0.0.1")) as url,
            connected(url, **paper.files) as client,
            client.events() as stream,
        ):
            assert await client.containers() == []
            fake.run("web")
            assert b"create" in await stream.read()

    async def test_an_engine_of_another_authority_is_refused(self, connected, fake, paper):
        trustme.CA().cert_pem.write_to_path(paper.folder / "ca.pem")
        async with fake.serve_tcp(tls=paper.engine("127.0.0.1")) as url:
            error = await refused(connected(url, **paper.files))
        assert isinstance(error, PermanentError)
        assert "certificate of 127.0.0.1" in str(error)
        assert "give the CA" in error.fix
        assert not fake.requests

    async def test_so_is_one_with_another_name_and_one_that_has_expired(self, connected, fake, paper):
        past = datetime(2020, 1, 1)  # noqa: DTZ001 - trustme wants it so
        for tls, what in (
            (paper.engine("engine.example"), "127.0.0.1"),
            (paper.engine("127.0.0.1", not_after=past), "expired"),
        ):
            async with fake.serve_tcp(tls=tls) as url:
                error = await refused(connected(url, **paper.files))
            assert isinstance(error, PermanentError)
            assert what in str(error)
            assert not fake.requests

    async def test_without_a_client_certificate_the_engine_refuses_us(self, connected, fake, paper):
        async with fake.serve_tcp(tls=paper.engine("127.0.0.1")) as url:  # which ends the connection without a word
            error = await refused(connected(url, tls_ca=paper.files["tls_ca"]))
        assert "give the client certificate" in error.fix
        assert not fake.requests

    async def test_and_an_engine_that_says_why_is_quoted(self, connected, paper):
        def refuse(listener):
            for _ in range(2):  # aiohttp tries a second time
                connection, _ = listener.accept()
                tls = paper.engine("127.0.0.1").wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                with tls:
                    with pytest.raises(ssl.SSLError):
                        tls.do_handshake()
                    tls.shutdown(socket.SHUT_WR)
                    while socket.socket.recv(tls, 65536):  # else the kernel takes the alert back with a reset
                        pass

        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
            engine = asyncio.to_thread(refuse, listener)
            error, _ = await asyncio.gather(refused(connected(url, tls_ca=paper.files["tls_ca"])), engine)
        assert isinstance(error, PermanentError)
        assert "certificate required" in str(error)
        assert "certificate and key" in error.fix

    async def test_insecure_takes_any_certificate(self, connected, fake, paper):
        tls = paper.engine("elsewhere.example", asks_for_certificates=False)
        trustme.CA().cert_pem.write_to_path(paper.folder / "ca.pem")
        async with (
            fake.serve_tcp(tls=tls) as url,
            connected(url, allow_insecure=True, tls_ca=paper.files["tls_ca"]) as client,
        ):
            assert await client.containers() == []

    async def test_tls_to_an_engine_that_speaks_none_is_told(self, connected, fake, paper):
        async with fake.serve_tcp() as url:
            error = await refused(connected(url, **paper.files))
        assert isinstance(error, PermanentError)
        assert "no TLS with 127.0.0.1" in str(error)

    async def test_plain_words_to_an_engine_that_speaks_tls_only(self, connected, fake, socket_path):
        said = b"Client sent an HTTP request to an HTTPS server.\n"
        fake.faults += [Fault(call=call, status=400, body=said) for call in ("ping", "version")]
        async with fake.serve_unix(socket_path) as url:
            error = await refused(connected(url))
        assert isinstance(error, PermanentError)
        assert str(error) == "the engine speaks TLS only (fix: give its CA, a certificate and a key)"

    async def test_a_certificate_that_was_renewed_is_used_at_the_next_connection(self, connected, fake, paper):
        paper.issue(trustme.CA())
        async with fake.serve_tcp(tls=paper.engine("127.0.0.1")) as url:
            address = EngineAddress.parse(url, **paper.files)
            assert "client certificate" in (await refused(connected(address))).fix
            paper.issue(paper.authority)
            async with connected(address) as client:
                assert await client.containers() == []
