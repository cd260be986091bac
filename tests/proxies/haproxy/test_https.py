"""Certificates: chosen by name, checked one by one, changed without a loss."""

import socket
import ssl

import pytest
import trustme

from interlock.core.model import Options
from interlock.core.plan import Reload
from interlock.core.problems import PermanentError
from testbed import ports

pytestmark = pytest.mark.real

HOST = "demo.interlock.com"


@pytest.fixture
def free_port():
    return ports.free_port()


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def certificates(folder):
    place = folder / "certificates"
    place.mkdir()
    return place


def put(place, authority, host):
    authority.issue_cert(host).private_key_and_cert_chain_pem.write_to_path(str(place / f"{host}.pem"))


def shown_certificate(bench, authority, host):
    """The names in the certificate that is served for a host, verified."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with (
        socket.create_connection(("127.0.0.1", bench.settings.ssl_port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        assert secure.version() in {"TLSv1.2", "TLSv1.3"}
        return [name for _, name in secure.getpeercert()["subjectAltName"]], secure.getpeercert()["serialNumber"]


@pytest.fixture
async def https(new_bench, certificates, authority, free_port, applications):
    """A HAProxy with two certificates and a site."""
    for host in (HOST, "other.com"):
        put(certificates, authority, host)
    bench = await new_bench(ssl_cert=str(certificates), ssl_port=free_port)
    bench.want(applications.server("web_1"), options=Options(ssl_only=True))
    await bench.turn()
    return bench


async def test_each_host_gets_its_own_certificate_and_ssl_only_leads_there(https, authority):
    assert shown_certificate(https, authority, HOST)[0] == [HOST]
    assert shown_certificate(https, authority, "other.com")[0] == ["other.com"]
    assert (await https.get())[0] == 302


async def test_old_protocols_are_refused(https, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", https.settings.ssl_port), timeout=30) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain, server_hostname=HOST)


async def test_a_changed_certificate_is_served_after_one_reload(https, authority, certificates):
    before = shown_certificate(https, authority, HOST)[1]
    assert https.proxy.refresh() == ""
    put(certificates, authority, HOST)
    assert https.proxy.refresh() == "certificates changed"
    await https.proxy.apply([Reload("certificates changed")], https.table)
    assert shown_certificate(https, authority, HOST)[1] != before


async def test_a_bad_certificate_costs_its_own_host_only_and_is_reported(https, authority, certificates):
    (certificates / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
    (certificates / "notes.txt").write_text("no certificate at all")
    put(certificates, authority, "third.com")
    https.proxy.refresh()
    await https.proxy.apply([Reload("certificates changed")], https.table)
    assert shown_certificate(https, authority, "third.com")[0] == ["third.com"]
    (problem,) = https.proxy.problems(None)
    assert "broken.pem" in problem.value
    assert "PEM" in problem.fix


async def test_nobody_but_root_and_haproxy_reads_the_copies(https):
    copies = list((https.folder / "state" / "certificates").rglob("*.pem"))
    assert len(copies) == 2
    for copy in copies:
        assert copy.stat().st_mode & 0o777 == 0o640
        assert copy.stat().st_uid == 0


@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nnonsense\n"])
async def test_without_any_usable_certificate_it_does_not_start_and_says_why(
    new_bench, certificates, free_port, content
):
    if content is not None:
        (certificates / "a.pem").write_text(content)
    with pytest.raises(PermanentError, match="HAPROXY_SSL_CERT"):
        await new_bench(ssl_cert=str(certificates), ssl_port=free_port)
    with pytest.raises(PermanentError, match="no such file"):
        await new_bench(ssl_cert=str(certificates / "nobody"), ssl_port=free_port)
