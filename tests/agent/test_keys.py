"""Certificates for agents and for who asks them."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from interlock.agent.keys import NAMES, make
from interlock.core.problems import PermanentError


def keys(folder, *, names=(), days=365, is_renewal=False):
    return make(folder, names=names, days=days, is_renewal=is_renewal)


def certificate(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def shakes_hands(folder, *, name, server="agent", client="client"):
    """Whether both sides are content, in memory. Raises SSLError."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.verify_mode = ssl.CERT_REQUIRED
    ours.load_verify_locations(folder / "ca.pem")
    ours.load_cert_chain(folder / f"{server}.pem", folder / f"{server}-key.pem")
    theirs = ssl.create_default_context(cafile=folder / "ca.pem")
    theirs.load_cert_chain(folder / f"{client}.pem", folder / f"{client}-key.pem")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        theirs.wrap_bio(back, there, server_hostname=name),
        ours.wrap_bio(there, back, server_side=True),
    )
    for side in sides * 4:
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return sides[1].getpeercert() is not None


def test_they_fit_each_other_by_every_name(tmp_path):
    keys(tmp_path, names=("node-1.example.com", "10.0.0.5"))
    for name in (*NAMES, "node-1.example.com", "10.0.0.5"):
        assert shakes_hands(tmp_path, name=name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shakes_hands(tmp_path, name="node-2.example.com")


def test_the_certificate_of_an_agent_opens_no_agent_and_that_of_a_client_is_none(tmp_path):
    keys(tmp_path)
    with pytest.raises(ssl.SSLError, match=r"(?i)purpose"):
        shakes_hands(tmp_path, name="localhost", client="agent")
    with pytest.raises(ssl.SSLError, match=r"(?i)purpose"):
        shakes_hands(tmp_path, name="localhost", server="client")


def test_nobody_else_may_read_them(tmp_path):
    made = keys(tmp_path / "new")
    assert [one.is_new for one in made] == [True] * 3
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()} == {0o600}
    assert len(list((tmp_path / "new").iterdir())) == 6


def test_what_is_there_is_kept_and_a_renewal_keeps_the_ca(tmp_path):
    keys(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert not any(one.is_new for one in keys(tmp_path))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    keys(tmp_path, is_renewal=True)
    same = {path.name for path in tmp_path.iterdir() if path.read_bytes() == before[path.name]}
    assert same == {"ca.pem", "ca-key.pem"}
    assert shakes_hands(tmp_path, name="localhost")


def test_they_are_good_for_so_many_days(tmp_path):
    made = keys(tmp_path, days=30)
    expected = datetime.now(UTC) + timedelta(days=30)
    for one in ("agent", "client"):
        assert abs(certificate(tmp_path / f"{one}.pem").not_valid_after_utc - expected) < timedelta(hours=1)
    assert made[1].expires == f"{certificate(tmp_path / 'agent.pem').not_valid_after_utc:%Y-%m-%d}"


@pytest.mark.parametrize("name", ["", "a b", "ü.example.com", "a\nb", "x" * 254, "http://x"])
def test_what_is_no_name_is_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(PermanentError, match="no host name"):
        keys(tmp_path / "new", names=(name,))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("damage", ["ca.pem", "ca-key.pem"])
def test_a_ca_that_cannot_be_used_is_not_replaced(tmp_path, damage):
    keys(tmp_path)
    (tmp_path / damage).write_text("damaged")
    with pytest.raises(PermanentError, match="cannot be used"):
        keys(tmp_path, is_renewal=True)


def test_a_key_of_another_ca_is_found_out(tmp_path):
    keys(tmp_path / "one")
    keys(tmp_path / "two")
    (tmp_path / "one" / "ca-key.pem").write_bytes((tmp_path / "two" / "ca-key.pem").read_bytes())
    with pytest.raises(PermanentError, match="not the key of"):
        keys(tmp_path / "one", is_renewal=True)
