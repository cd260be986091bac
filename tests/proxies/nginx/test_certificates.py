"""Certificates: which host gets which, and what a bad one costs; by the folder, and by real handshakes."""

import asyncio
import ssl

import aiohttp
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from interlock.core.model import Backend, Match, Options, Route
from interlock.proxies.nginx.certificates import Store
from interlock.proxies.serving.sites import Site
from testbed.ports import free_port

HOST = "demo.interlock.com"
CA = trustme.CA()


def write(folder, certificate, key=None, *names):
    """A certificate for these names; with its key in one file, or in another beside it."""
    made = CA.issue_cert(*(names or (HOST,)))
    chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
    if key is None:
        (folder / certificate).write_bytes(chain + made.private_key_pem.bytes())
    else:
        (folder / certificate).write_bytes(chain)
        (folder / key).write_bytes(made.private_key_pem.bytes())


@pytest.fixture
def store(certificates, tmp_path):
    def look():
        return Store(str(certificates), tmp_path / "copies", group=-1)

    return look


def copied(pair):
    with open(pair.certificate) as certificate, open(pair.key) as key:  # noqa: PTH123 - two short files
        return "CERTIFICATE" in certificate.read(), "PRIVATE KEY" in key.read()


def test_a_folder_that_is_not_there_is_no_certificates(tmp_path):
    store = Store(str(tmp_path / "none"), tmp_path / "copies", group=-1)
    assert not store.has_any()
    assert store.of(HOST, Options()).pair is None
    assert store.for_sites([Site(match=Match(HOST), options=Options())]).of_host == {}


@pytest.mark.parametrize(
    ("files", "options"),
    [
        (("www.pem", None), Options(ssl_certificate="www.pem")),
        (("www.crt", "www.key"), Options(ssl_certificate="www.crt")),
        (("www.crt", "other.key"), Options(ssl_certificate="www.crt", ssl_certificate_key="other.key")),
        ((f"{HOST}.pem", None), Options()),
        ((f"{HOST}.crt", f"{HOST}.key"), Options(ssl=True)),
    ],
)
def test_a_certificate_is_found_by_its_name_or_by_the_hosts(certificates, store, files, options):
    write(certificates, *files)
    assert store().has_any()
    choice = store().of(HOST, options)
    assert choice.fault == ""
    assert copied(choice.pair) == (True, True)


def test_a_wildcards_file_has_an_underscore_for_the_asterisk(certificates, store):
    write(certificates, "_.interlock.com.pem", None, "*.interlock.com")
    assert store().of("*.interlock.com", Options()).pair is not None


def test_the_default_is_for_every_host_without_one(certificates, store):
    write(certificates, "default.pem", None, "other.com")
    found = store().for_sites([Site(match=Match(HOST), options=Options())])
    assert found.of_host == {}
    assert found.default is not None
    assert store().is_served(Match(HOST), Options())


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "No such file"),
        ("nonsense", "no certificate with its key"),
        ("encrypted", "its key is encrypted"),
        ("other key", "key values mismatch"),
    ],
)
def test_a_bad_certificate_says_why(certificates, store, content, fault):
    write(certificates, "good.crt", "good.key")
    write(certificates, "other.crt", "other.key")
    certificate = (certificates / "good.crt").read_text()
    if content == "nonsense":
        (certificates / "bad.pem").write_text("nonsense")
    elif content == "encrypted":
        key = load_pem_private_key((certificates / "good.key").read_bytes(), None)
        form = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
        (certificates / "bad.pem").write_text(certificate + key.private_bytes(*form).decode())
    elif content == "other key":
        (certificates / "bad.pem").write_text(certificate + (certificates / "other.key").read_text())
    choice = store().of(HOST, Options(ssl_certificate="bad.pem"))
    assert choice.pair is None
    assert fault in choice.fault


def test_copies_are_named_by_content_and_only_the_group_reads_them(certificates, store, tmp_path):
    write(certificates, f"{HOST}.pem")
    first = store().of(HOST, Options()).pair
    assert store().of(HOST, Options()).pair == first
    write(certificates, f"{HOST}.pem")
    assert store().of(HOST, Options()).pair != first
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "copies").iterdir()} == {0o640}


def test_what_was_looked_at_stays_until_it_is_looked_at_again(certificates, store):
    looked = store()
    write(certificates, f"{HOST}.pem")
    assert looked.of(HOST, Options()).pair is None
    looked.look()
    assert looked.of(HOST, Options()).pair is not None


def test_the_shorter_path_decides_for_its_host(certificates, store):
    write(certificates, "a.pem")
    write(certificates, "b.pem")
    sites = [
        Site(match=Match(HOST), options=Options(ssl_certificate="a.pem")),
        Site(match=Match(HOST, "/app"), options=Options(ssl_certificate="b.pem")),
    ]
    looked = store()
    assert looked.for_sites(sites).of_host == {HOST: looked.of(HOST, Options(ssl_certificate="a.pem")).pair}


async def ask(port, host, *, http_host=None):
    """Status, body and the certificate's names over TLS; the host must be one of these."""
    context = ssl.create_default_context()
    CA.configure_trust(context)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
    writer.write(f"GET / HTTP/1.0\r\nHost: {http_host or host}\r\n\r\n".encode())
    async with asyncio.timeout(20):
        answer = (await reader.read()).decode()
    names = [name for _, name in writer.get_extra_info("peercert")["subjectAltName"]]
    writer.close()
    return int(answer.split()[1]), answer.rpartition("\r\n\r\n")[2], names


@pytest.mark.real
async def test_hosts_with_certificates_are_served_over_https_and_others_are_not(
    certificates, new_bench, applications, way
):
    write(certificates, "named.crt", "named.key", "named.com")
    write(certificates, "plain.com.pem", None, "plain.com")
    (certificates / "bad.pem").write_text("nonsense")
    port = free_port()
    bench = await new_bench(**way, ssl_port=port, ssl_cert_dir=str(certificates))
    named, bad = Options(ssl=True, ssl_certificate="named.crt"), Options(ssl=True, ssl_certificate="bad.pem")
    bench.want(applications.server("web_1"), host="named.com", options=named)
    bench.want(applications.server("web_2"), host="plain.com", options=Options(ssl_only=True))
    bench.want(applications.server("web_3"), host="bad.com", options=bad)
    bench.want(applications.server("web_3"), host="none.com", options=Options(ssl_only=True))
    await bench.settle()
    assert (await ask(port, "named.com"))[:2] == (200, "web_1")
    assert (await ask(port, "plain.com"))[:2] == (200, "web_2")
    assert "x-forwarded-proto: https" in applications.seen[-1].lower()
    for host in ("bad.com", "none.com", "unknown.com"):
        with pytest.raises(ssl.SSLError):
            await ask(port, host)
    assert await bench.get("bad.com") == (200, "web_3")
    assert (await ask(port, "named.com", http_host="none.com"))[0] == 421
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"http://127.0.0.1:{bench.settings.port}/x?y", headers={"Host": "plain.com"}, allow_redirects=False
        ) as answer,
    ):
        assert answer.headers["Location"] == f"https://plain.com:{port}/x?y"
    problems = {
        host: [problem.what for problem in bench.proxy.problems(bench.table[Match(host)])]
        for host in ("named.com", "plain.com", "bad.com", "none.com")
    }
    assert (problems["named.com"], problems["plain.com"]) == ([], [])
    assert "cannot be served" in problems["bad.com"][0]
    assert "has no certificate" in problems["none.com"][0]


@pytest.mark.real
async def test_a_default_certificate_serves_every_host_and_http2(certificates, new_bench, applications, way):
    write(certificates, "default.pem", None, "any.com")
    port = free_port()
    bench = await new_bench(**way, ssl_port=port, ssl_cert_dir=str(certificates))
    bench.want(applications.server("web_1"), host="any.com")
    await bench.settle()
    assert (await ask(port, "any.com"))[:2] == (200, "web_1")
    assert (await ask(port, "any.com", http_host="unknown.com"))[0] == 404
    context = ssl.create_default_context()
    CA.configure_trust(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="any.com")
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    writer.close()


@pytest.mark.real
async def test_a_renewed_certificate_is_served_once_interlock_is_told(certificates, new_bench, applications, way):
    write(certificates, f"{HOST}.pem")
    port = free_port()
    bench = await new_bench(**way, ssl_port=port, ssl_cert_dir=str(certificates))
    bench.want(applications.server("web_1"))
    await bench.settle()
    assert bench.proxy.refresh() == ""
    write(certificates, f"{HOST}.pem", None, HOST, "new.com")
    assert bench.proxy.refresh() == "certificates changed"
    await bench.load("certificates changed")
    assert await ask(port, HOST) == (200, "web_1", [HOST, "new.com"])


@pytest.mark.real
async def test_without_any_certificate_no_https_is_served_and_that_is_said(certificates, new_bench, applications):
    port = free_port()
    bench = await new_bench(ssl_port=port, ssl_cert_dir=str(certificates))
    route = Route(match=Match(HOST), backend=Backend(options=Options(ssl=True)))
    assert "no HTTPS" in bench.proxy.problems(route)[0].what
    with pytest.raises(OSError, match=r"refused|failed"):
        await ask(port, HOST)
    write(certificates, f"{HOST}.pem")
    bench.want(applications.server("web_1"), options=Options(ssl=True))
    assert bench.proxy.refresh() == "certificates changed"
    await bench.load("certificates changed")
    assert (await ask(port, HOST))[:2] == (200, "web_1")
    assert bench.proxy.problems(route) == ()
