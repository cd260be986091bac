"""The ways in, over real sockets: who is let in where."""

import asyncio
import ssl
import stat
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest
import trustme

from interlock.core.problems import PermanentError
from interlock.core.status import OrdersStatus, Receipt, RoutesStatus, Status
from interlock.core.traffic import Traffic
from interlock.doors import Doors
from interlock.host.listening import listen_on
from interlock.settings import Settings
from interlock.web.metrics import Metrics
from interlock.web.news import News


class PaperDesk:
    """Is asked and told by whoever gets in."""

    def __init__(self):
        self.drained = []

    def status(self):
        return Status(
            version="9.9",
            ready=True,
            not_ready_because=(),
            seconds_since_reconcile=1.0,
            routes=0,
            servers={},
            engines=(),
            proxies=(),
            orders=OrdersStatus(),
            problems=(),
        )

    def routes(self):
        return RoutesStatus(routes=(), problems=())

    async def traffic(self):
        return Traffic(proxies=())

    async def drain(self, who):
        self.drained.append(who)
        return Receipt()


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="il-") as path:
        yield Path(path)


@pytest.fixture
def desk():
    return PaperDesk()


@pytest.fixture
def opened(folder, desk, monkeypatch):
    """`async with opened(api_addr=…) as ports:` yields the port of each setting that asks for one."""
    listeners = {}

    @asynccontextmanager
    async def opened(**settings):
        said = Settings(state_dir=str(folder / "state"), run_dir=str(folder / "run"))
        doors = Doors(msgspec.structs.replace(said, **settings), Metrics(), News())
        work = []
        try:
            for _, answering in doors.open(desk):
                work.append(asyncio.get_running_loop().create_task(answering))
            yield {name: listener.getsockname()[1] for name, listener in listeners.items()}
        finally:
            for each in work:
                each.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            doors.close()

    def noted(address, *, setting):
        listeners[setting] = listen_on(address, setting=setting)
        return listeners[setting]

    monkeypatch.setattr("interlock.doors.listen_on", noted)
    return opened


async def ask(port, path, *, token="", method="GET", tls=None, host="127.0.0.1", **more):
    """The status of an answer."""
    headers = {"Host": host, **({"Authorization": f"Bearer {token}"} if token else {})}
    url = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}{path}"
    more |= {"json": {"target": "web"}} if method == "POST" else {}
    async with aiohttp.ClientSession() as session:
        for _ in range(100):
            try:
                async with session.request(method, url, headers=headers, ssl=tls or True, **more) as answer:
                    await answer.read()
                    assert "Access-Control-Allow-Origin" not in answer.headers
                    return answer.status
            except aiohttp.ClientConnectorCertificateError:
                raise
            except (aiohttp.ClientOSError, ConnectionResetError):
                if tls is not None:
                    raise
                await asyncio.sleep(0.05)
    raise AssertionError(f"nobody answers on {port}")


async def test_without_settings_there_is_the_socket_alone(opened, folder):
    async with opened() as ports:
        assert ports == {}
        assert stat.S_IMODE((folder / "run" / "interlock.sock").stat().st_mode) == 0o600
    assert not (folder / "run" / "interlock.sock").exists()
    assert not (folder / "state").exists()


async def test_tokens_are_made_where_there_are_none_for_their_owner_only(opened, folder):
    async with opened(api_addr="127.0.0.1:0"):
        files = [folder / "state" / name for name in ("api-read-token", "api-operate-token")]
        assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600, 0o600]
        first = [path.read_text() for path in files]
        assert first[0] != first[1]
    async with opened(api_addr="127.0.0.1:0"):
        assert [path.read_text() for path in files] == first


async def test_one_token_looks_and_the_other_operates(opened, folder, desk):
    async with opened(api_addr="127.0.0.1:0") as ports:
        port = ports["ApiAddr"]
        read, operate = ((folder / "state" / f"api-{name}-token").read_text().strip() for name in ("read", "operate"))
        assert await ask(port, "/healthz") == 200
        assert await ask(port, "/v1/status") == 401
        assert await ask(port, "/metrics") == 401
        assert await ask(port, "/v1/status", token="wrong") == 401
        assert await ask(port, "/v1/status", token=read) == 200
        assert await ask(port, "/metrics", token=read) == 200
        assert await ask(port, "/v1/drain", token=read, method="POST") == 403
        assert await ask(port, "/v1/drain", method="POST") == 401
        assert desk.drained == []
        assert await ask(port, "/v1/drain", token=operate, method="POST") == 200
        assert desk.drained == ["web"]


async def test_a_token_of_the_operators_own(opened, folder):
    (folder / "mine").write_text("a-token-that-nobody-guesses\n")
    async with opened(api_addr="127.0.0.1:0", api_read_token_file=str(folder / "mine")) as ports:
        assert await ask(ports["ApiAddr"], "/v1/status", token="a-token-that-nobody-guesses") == 200


async def test_a_name_that_somebody_else_pointed_here_is_refused_unless_it_is_ours(opened):
    async with opened(api_addr="127.0.0.1:0", api_hosts=("Interlock.Example.com",)) as ports:
        assert await ask(ports["ApiAddr"], "/healthz", host="evil.example") == 421
        assert await ask(ports["ApiAddr"], "/healthz", host="interlock.example.com") == 200


async def test_the_port_of_145_shows_metrics_to_everybody_and_nothing_else(opened):
    async with opened(listen_addr="127.0.0.1:0", enable_metrics=True) as ports:
        port = ports["ListenAddr"]
        assert [await ask(port, path) for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
        assert await ask(port, "/v1/status") == 404
        assert await ask(port, "/v1/drain", method="POST") == 404


async def test_the_port_of_145_has_no_metrics_where_they_are_not_enabled(opened):
    async with opened(listen_addr="127.0.0.1:0") as ports:
        assert [await ask(ports["ListenAddr"], path) for path in ("/healthz", "/metrics")] == [200, 404]


class Authority:
    """Certificates for the port and for those who ask."""

    def __init__(self, folder):
        self._folder = folder
        self._authority = trustme.CA()
        self.ca = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca)
        self.cert, self.key = self._written(self._authority.issue_cert("127.0.0.1"), "server")

    def client(self, name=""):
        context = ssl.create_default_context(cafile=self.ca)
        if name:
            context.load_cert_chain(*self._written(self._authority.issue_cert(common_name=name), name))
        return context

    def _written(self, certificate, name):
        cert, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.private_key_pem.write_to_path(str(key))
        for position, part in enumerate(certificate.cert_chain_pems):
            part.write_to_path(str(cert), append=position > 0)
        return str(cert), str(key)


async def test_certificates_look_and_those_of_operators_operate(opened, folder, desk):
    paper = Authority(folder)
    async with opened(
        api_addr="127.0.0.1:0",
        api_tls_cert=paper.cert,
        api_tls_key=paper.key,
        api_client_ca=paper.ca,
        api_operators=("ops",),
    ) as ports:
        port = ports["ApiAddr"]
        assert await ask(port, "/v1/status", tls=paper.client("guest")) == 200
        assert await ask(port, "/v1/drain", tls=paper.client("guest"), method="POST") == 403
        assert await ask(port, "/v1/drain", tls=paper.client("ops"), method="POST") == 200
        assert desk.drained == ["web"]
        with pytest.raises(aiohttp.ClientError):
            await ask(port, "/healthz", tls=paper.client())
        stranger = Authority(Path(tempfile.mkdtemp(dir=folder))).client("ops")
        stranger.load_verify_locations(paper.ca)
        with pytest.raises(aiohttp.ClientError):
            await ask(port, "/healthz", tls=stranger)


async def test_tokens_over_tls(opened, folder):
    paper = Authority(folder)
    async with opened(api_addr="127.0.0.1:0", api_tls_cert=paper.cert, api_tls_key=paper.key) as ports:
        token = (folder / "state" / "api-read-token").read_text().strip()
        assert await ask(ports["ApiAddr"], "/v1/status", tls=paper.client(), token=token) == 200
        assert await ask(ports["ApiAddr"], "/v1/status", tls=paper.client()) == 401


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"api_addr": "somewhere"}, "ApiAddr"),
        ({"api_addr": "127.0.0.1:99999"}, "ApiAddr"),
        ({"listen_addr": "192.0.2.1:0"}, "ListenAddr"),
        ({"api_addr": "127.0.0.1:0", "api_client_ca": "/nowhere"}, "ApiTLSCert"),
        ({"api_addr": "127.0.0.1:0", "api_tls_cert": "/nowhere", "api_tls_key": "/nowhere"}, "/nowhere"),
        ({"api_addr": "127.0.0.1:0", "api_read_token_file": "SHORT"}, "16 characters"),
        ({"api_addr": "127.0.0.1:0", "api_read_token_file": "T", "api_operate_token_file": "T"}, "ApiReadTokenFile"),
    ],
)
async def test_what_cannot_be_opened_is_refused_with_what_to_set(opened, folder, settings, named):
    (folder / "SHORT").write_text("secret")
    settings = {name: str(folder / value) if value in {"SHORT", "T"} else value for name, value in settings.items()}
    with pytest.raises(PermanentError) as caught:
        async with opened(**settings):
            pass
    assert named in str(caught.value)


async def test_tokens_in_the_clear_on_a_network_are_warned_of(opened, capsys):
    async with opened(api_addr="127.0.0.1:0"):
        assert "in the clear" not in capsys.readouterr().out
    async with opened(api_addr="0.0.0.0:0"):
        assert "in the clear" in capsys.readouterr().out


async def test_who_is_refused_is_told_why_and_what_to_do(opened, folder):
    async with opened(api_addr="127.0.0.1:0") as ports:
        await ask(ports["ApiAddr"], "/healthz")
        token = (folder / "state" / "api-read-token").read_text().strip()
        url = f"http://127.0.0.1:{ports['ApiAddr']}"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/v1/status") as answer:
                assert await answer.json() == {
                    "problem": "the caller is not known",
                    "fix": "send Authorization: Bearer TOKEN",
                }
            headers = {"Authorization": f"Bearer {token}"}
            async with session.post(f"{url}/v1/drain", json={}, headers=headers) as answer:
                assert (await answer.json())["problem"] == "this caller may only look"
            async with session.get(f"{url}/nowhere") as answer:
                assert "/v1/containers/{who}" in (await answer.json())["fix"]
