from datetime import UTC, datetime, timedelta

import pytest
import trustme

from interlock.core.model import Backend, Match, Options, Route, RouteTable
from interlock.doctor import Verdict
from interlock.doctor.certificates import check_certificates

NO_ROUTES = RouteTable()


@pytest.fixture
def folder(tmp_path):
    """A folder of certificates: `folder("a.com", days=3)` puts one into it."""

    def put(*names, days=100, file="a.pem"):
        end = (datetime.now(UTC) + timedelta(days=days)).replace(tzinfo=None)
        made = trustme.CA().issue_cert(*names, not_after=end)
        made.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / file))

    put.path = str(tmp_path)
    return put


def test_one_for_a_name_with_days_left_is_well(folder):
    folder("a.com", "b.com", "c.com", "d.com")
    (check,) = check_certificates("HAPROXY_SSL_CERT", folder.path, NO_ROUTES)

    assert (check.about, check.verdict) == ("certificate a.pem", Verdict.OK)
    assert check.what.startswith("it is for a.com, b.com, c.com and more, until 2")


def test_one_that_expires_soon_is_a_warning(folder):
    folder("a.com", days=3)
    (check,) = check_certificates("HAPROXY_SSL_CERT", folder.path, NO_ROUTES)

    assert (check.verdict, check.fix) == (Verdict.WARNING, "renew it")


@pytest.mark.parametrize("days", [-1, -400])
def test_one_that_has_expired_is_a_problem(folder, days):
    folder("a.com", days=days)
    (check,) = check_certificates("HAPROXY_SSL_CERT", f"{folder.path}/a.pem", NO_ROUTES)

    assert (check.verdict, check.what) == (Verdict.PROBLEM, "it cannot be served: it has expired")


def test_one_for_an_address_only_is_a_warning(folder):
    folder("127.0.0.1")
    (check,) = check_certificates("HAPROXY_SSL_CERT", folder.path, NO_ROUTES)

    assert check.verdict is Verdict.WARNING
    assert "no host name" in check.what


def test_a_key_beside_the_certificate_is_its_key(folder, tmp_path):
    made = trustme.CA().issue_cert("a.com")
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "a.crt"))
    made.private_key_pem.write_to_path(str(tmp_path / "a.key"))

    assert check_certificates("NGINX_SSL_CERT_DIR", folder.path, NO_ROUTES)[0].verdict is Verdict.OK
    trustme.CA().issue_cert("a.com").private_key_pem.write_to_path(str(tmp_path / "a.key"))
    assert check_certificates("NGINX_SSL_CERT_DIR", folder.path, NO_ROUTES)[0].verdict is Verdict.PROBLEM


def test_a_path_that_is_not_there_is_a_problem(tmp_path):
    (check,) = check_certificates("HAPROXY_SSL_CERT", f"{tmp_path}/none.pem", NO_ROUTES)

    assert check.verdict is Verdict.PROBLEM
    assert "No such file or directory" in check.what


@pytest.mark.parametrize("options", [Options(ssl=True), Options(ssl_only=True)])
def test_a_host_that_asks_for_https_needs_a_certificate_of_its_name(folder, options):
    folder("*.example.com")
    hosts = {"www.example.com": options, "other.com": options, "plain.com": Options()}
    table = RouteTable(Route(match=Match(host), backend=Backend(options=wanted)) for host, wanted in hosts.items())

    _, check = check_certificates("HAPROXY_SSL_CERT", folder.path, table)
    assert (check.about, check.verdict) == ("certificate for other.com", Verdict.WARNING)
