import socket
import ssl

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from interlock.core.problems import PermanentError
from interlock.engines.address import EngineAddress, Kind, check_socket_file


def parse(url, **options):
    return EngineAddress.parse(url, **options)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def files(authority, tmp_path):
    """Paths of a CA, a certificate and its key."""
    certificate = authority.issue_cert("interlock")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    return {f"tls_{name}": str(tmp_path / f"{name}.pem") for name in ("ca", "cert", "key")}


class TestUrls:
    @pytest.mark.parametrize(
        ("url", "base", "endpoint"),
        [
            ("unix:///var/run/docker.sock", "http://docker", "/var/run/docker.sock"),
            ("tcp://10.0.0.1:3375", "http://10.0.0.1:3375", "10.0.0.1:3375"),
            ("tcp://swarm", "http://swarm:2375", "swarm:2375"),
            ("swarm:3375", "http://swarm:3375", "swarm:3375"),
            ("swarm", "http://swarm:2375", "swarm:2375"),
            ("TCP://swarm:1/", "http://swarm:1", "swarm:1"),
            ("http://swarm", "http://swarm:2375", "swarm:2375"),
            ("https://swarm", "https://swarm:2376", "swarm:2376"),
            ("https://swarm:443/docker/", "https://swarm:443/docker", "swarm:443"),
            ("tcp://[fd00::1]:2375", "http://[fd00::1]:2375", "fd00::1:2375"),
        ],
    )
    def test_what_the_original_and_docker_take_is_taken(self, url, base, endpoint):
        address = parse(url)
        assert (address.base_url, address.endpoint, address.url) == (base, endpoint, url)

    def test_tls_files_make_tcp_https(self, files):
        address = parse("tcp://swarm", **files)
        assert (address.kind, address.base_url) == (Kind.HTTPS, "https://swarm:2376")

    def test_a_unix_socket_speaks_no_tls_whatever_files_are_given(self, files):
        address = parse("unix:///run/docker.sock", allow_insecure=True, **files)
        assert address.tls_context() is None
        assert not address.allow_insecure

    @pytest.mark.parametrize("nothing", ["", None])
    def test_no_file_is_no_tls(self, nothing):
        assert parse("tcp://swarm", tls_ca=nothing, tls_cert=nothing, tls_key=nothing).kind is Kind.HTTP

    @pytest.mark.parametrize(
        ("url", "what", "fix"),
        [
            ("", "has no scheme", "unix:///var/run/docker.sock"),
            ("/var/run/docker.sock", "has no scheme", "unix:///var/run/docker.sock"),
            ("unix://docker.sock", "no absolute path", "unix:///docker.sock"),
            ("unix://", "no absolute path", "unix:///PATH"),
            ("npipe:////./pipe/docker", "none of unix, tcp, http, https", "tcp://HOST:2375"),
            ("ssh://me@host", "ssh", "ssh -L"),
            ("tcp://", "names no host", "tcp://HOST:2375"),
            ("tcp://:2375", "names no host", "tcp://HOST:2375"),
            ("tcp://a b:2375", "no URL holds", "tcp://HOST:2375"),
            ("tcp://a;b:2375", "names no host", "tcp://HOST:2375"),
            ("tcp://a\nb", "no URL holds", "tcp://HOST:2375"),
            ("tcp://host:port", "is no URL", "tcp://HOST:2375"),
            ("tcp://host:99999", "is no URL", "tcp://HOST:2375"),
            ("tcp://[::1", "is no URL", "tcp://HOST:2375"),
            ("https://me:pw@host", "a user name", "tcp://HOST:2376"),
            ("tcp://host?x=1", "a query", "tcp://HOST:2375"),
            ("tcp://host#x", "a fragment", "tcp://HOST:2375"),
        ],
    )
    def test_what_cannot_be_an_engine_is_refused_with_the_fix(self, url, what, fix):
        with pytest.raises(PermanentError) as refused:
            parse(url)
        assert what in refused.value.what
        assert fix in refused.value.fix
        assert str(refused.value).isprintable()

    def test_a_password_is_not_repeated_in_the_complaint(self):
        with pytest.raises(PermanentError) as refused:
            parse("https://me:pw@host")
        assert "pw" not in str(refused.value)

    def test_http_with_tls_files_is_a_contradiction(self, files):
        with pytest.raises(PermanentError, match="is not TLS"):
            parse("http://swarm", **files)

    @pytest.mark.parametrize(("given", "missing"), [("tls_cert", "key"), ("tls_key", "certificate")])
    def test_a_certificate_and_its_key_go_together(self, files, given, missing):
        with pytest.raises(PermanentError, match=f"without its {missing}"):
            parse("tcp://swarm", **{given: files[given]})

    @pytest.mark.parametrize(
        ("url", "near"),
        [
            ("unix:///x", True),
            ("tcp://127.0.0.1:1", True),
            ("tcp://127.9.9.9", True),
            ("tcp://[::1]:1", True),
            ("tcp://localhost", True),
            ("tcp://10.0.0.1", False),
            ("tcp://swarm", False),
        ],
    )
    def test_near_is_what_can_only_be_on_this_machine(self, url, near):
        assert parse(url).is_near == near


class TestSocketFiles:
    def test_one_that_is_not_there_yet_may_come(self, tmp_path):
        parse(f"unix://{tmp_path}/docker.sock").check()

    def test_a_socket_is_right(self, tmp_path):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "s"))
            check_socket_file(str(tmp_path / "s"))

    def test_a_directory_is_what_docker_makes_of_a_mount_that_came_too_early(self, tmp_path):
        with pytest.raises(PermanentError, match="is a directory"):
            parse(f"unix://{tmp_path}").check()

    def test_another_file_is_no_socket(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(PermanentError, match="is no socket"):
            parse(f"unix://{tmp_path}/file").check()


class TestTls:
    def test_the_engine_is_verified_with_its_host_name(self, files):
        context = parse("tcp://swarm", **files).tls_context()
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)

    def test_insecure_verifies_nothing(self, files):
        context = parse("tcp://swarm", allow_insecure=True, **files).tls_context()
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)

    def test_https_without_files_trusts_the_authorities_of_the_system(self):
        assert parse("https://swarm").tls_context().verify_mode is ssl.CERT_REQUIRED

    def test_plain_http_has_no_tls(self):
        address = parse("tcp://swarm")
        address.check()
        assert address.tls_context() is None

    @pytest.mark.parametrize("name", ["tls_ca", "tls_cert", "tls_key"])
    def test_a_file_that_is_missing_is_named(self, files, name):
        with pytest.raises(PermanentError, match="no TLS file /nowhere"):
            parse("tcp://swarm", **{**files, name: "/nowhere.pem"}).check()

    def test_a_key_of_another_certificate_is_told_apart(self, files, authority, tmp_path):
        authority.issue_cert("other").private_key_pem.write_to_path(tmp_path / "other.pem")
        with pytest.raises(PermanentError, match="does not fit the certificate"):
            parse("tcp://swarm", **{**files, "tls_key": str(tmp_path / "other.pem")}).check()

    @pytest.mark.parametrize(
        ("name", "what"), [("tls_ca", "no CA certificate in"), ("tls_cert", "no certificate and key in")]
    )
    def test_a_file_that_is_no_certificate_is_told(self, files, name, what, tmp_path):
        (tmp_path / "junk").write_text("junk")
        with pytest.raises(PermanentError, match=what):
            parse("tcp://swarm", **{**files, name: str(tmp_path / "junk")}).check()

    def test_an_encrypted_key_is_not_asked_for_on_the_terminal(self, files, tmp_path):
        key = load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
        locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
        (tmp_path / "key.pem").write_bytes(locked)
        with pytest.raises(PermanentError, match="is encrypted"):
            parse("tcp://swarm", **files).check()

    def test_certificates_are_read_anew_each_time(self, files, tmp_path):
        address = parse("tcp://swarm", **files)
        address.tls_context()
        (tmp_path / "key.pem").unlink()
        with pytest.raises(PermanentError, match="no TLS file"):
            address.tls_context()
