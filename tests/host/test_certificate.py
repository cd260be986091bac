from datetime import UTC, datetime

import pytest
import trustme

from interlock.host.certificate import Facts, facts_of, fault_of


@pytest.fixture
def issue(tmp_path):
    """Writes a certificate, with its key in the same file or beside it."""

    def issue(*names, apart=False, **more):
        made = trustme.CA().issue_cert(*names, **more)
        file = tmp_path / "a.pem"
        if apart:
            made.private_key_pem.write_to_path(str(tmp_path / "a.key"))
            made.cert_chain_pems[0].write_to_path(str(file))
        else:
            made.private_key_and_cert_chain_pem.write_to_path(str(file))
        return file

    return issue


def test_a_certificate_tells_its_names_and_its_end(issue):
    end = datetime(2100, 1, 2, 3, 4, 5)  # noqa: DTZ001 - trustme wants it so

    facts = facts_of(issue("www.Example.com", "*.a.com", not_after=end))

    assert facts == Facts(("*.a.com", "www.example.com"), datetime(2100, 1, 2, 3, 4, 5, tzinfo=UTC))


def test_its_key_may_be_in_a_file_of_its_own(issue, tmp_path):
    file = issue("a.com", apart=True)

    assert facts_of(file, tmp_path / "a.key").names == ("a.com",)
    assert facts_of(file) == fault_of(file) != ""


def test_one_that_has_expired_is_served_by_nobody_in_his_senses(issue):
    past = datetime(2001, 1, 1)  # noqa: DTZ001 - trustme wants it so

    assert facts_of(issue("a.com", not_after=past)) == "it has expired"


def test_one_with_another_key_is_refused(issue, tmp_path):
    file = issue("a.com", apart=True)
    trustme.CA().issue_cert("a.com").private_key_pem.write_to_path(str(tmp_path / "a.key"))

    assert facts_of(file, tmp_path / "a.key") == "key values mismatch"


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\n"])
def test_what_is_none_is_refused(tmp_path, text):
    (tmp_path / "a.pem").write_text(text)

    assert facts_of(tmp_path / "a.pem") == fault_of(tmp_path / "a.pem") != ""


@pytest.mark.parametrize(
    ("host", "covered"),
    [("www.a.com", True), ("b.com", True), ("a.com", False), ("x.www.a.com", False), ("www.b.com", False)],
)
def test_a_wildcard_is_for_one_label(host, covered):
    assert Facts(("*.a.com", "b.com"), datetime.now(UTC)).covers(host) is covered
