"""Settings -> the frame of the configuration, and what of NGINX itself decides."""

import sys
import tempfile
from pathlib import Path

import pytest

from interlock.core.problems import PermanentError
from interlock.host.process import Identity
from interlock.proxies.nginx import binary
from interlock.proxies.nginx.build import build_frame, problems_of
from interlock.proxies.nginx.disk import Disk
from interlock.proxies.nginx.settings import NginxSettings
from interlock.proxies.serving.program import Binary

FULL = "nginx version: nginx/1.22.1\nconfigure arguments: --modules-path=/m --with-http_stub_status_module"


def frame(answer=FULL, version=(1, 22, 1), *, https=True, most_open_files=sys.maxsize, **settings):
    binary = Binary("/usr/sbin/nginx", version, "nginx", answer)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        disk = Disk(place / "state", place / "run", "", None, pid_path=settings.get("pid_path", "/run/nginx.pid"))
        return build_frame(NginxSettings(**settings), binary, disk, most_open_files=most_open_files, https=https)


def test_defaults_are_the_originals_where_they_are_safe():
    made = frame()
    assert (made.http_port, made.https_port, made.worker_processes) == (80, 443, 2)
    assert (made.read_timeout, made.send_timeout, made.client_timeout) == (600, 600, 600)
    assert made.protocols == "TLSv1.2 TLSv1.3"
    assert made.pid_file == "/run/nginx.pid"
    assert made.live is None


def test_without_certificates_there_is_no_https():
    assert frame(https=False).https_port == 0


@pytest.mark.parametrize(("version", "by_itself"), [((1, 25, 0), False), ((1, 25, 1), True), ((1, 31, 3), True)])
def test_http2_is_asked_for_as_the_version_wants_it(version, by_itself):
    assert frame(version=version).http2_by_itself == by_itself


@pytest.mark.parametrize(("version", "spares"), [((1, 27, 3), False), ((1, 27, 4), True)])
def test_idle_clients_are_spared_where_the_version_can(version, spares):
    assert frame(version=version).spares_idle_clients == spares


def test_what_nginx_was_built_with_decides_what_it_is_told():
    assert frame().has_status
    assert not frame("nginx version: nginx/1.31.3").has_status
    assert frame().spare_temp_paths == ("fastcgi", "uwsgi", "scgi")
    assert frame("--without-http_uwsgi_module --without-http_scgi_module").spare_temp_paths == ("fastcgi",)


def test_lua_is_found_where_modules_are_or_built_in(tmp_path):
    def modules(answer):
        return binary.lua_modules(Binary("nginx", (1, 22, 1), "", answer))

    assert modules("configure arguments: --add-module=../lua-nginx-module-0.10.26") == ()
    assert modules("configure arguments: --add-module=../ngx_lua-0.10.26 --with-x") == (), "OpenResty says it so"
    assert modules("configure arguments: --add-module=../ngx_lua_upstream-0.07") is None
    assert modules("configure arguments: --add-module=njs-0.9.9/nginx") is None
    assert modules(f"configure arguments: --modules-path={tmp_path} --with-x") is None
    for name in binary.LUA_MODULES:
        (tmp_path / name).touch()
    assert modules(f"configure arguments: --modules-path={tmp_path} --with-x") == tuple(
        str(tmp_path / name) for name in binary.LUA_MODULES
    )


def test_no_more_files_are_asked_for_than_a_worker_can_be_allowed():
    assert frame(rlimit_nofile=65_535, most_open_files=1000).open_files == 1000
    assert frame(rlimit_nofile=65_535).open_files == 65_535


@pytest.mark.parametrize(
    ("text", "served"),
    [
        ("TLSv1.3", "TLSv1.3"),
        ("TLSv1.1  TLSv1.2", "TLSv1.1 TLSv1.2"),
        ("SSLv3 TLSv1 TLSv1.1 TLSv1.2", "TLSv1.2 TLSv1.3"),
    ],
)
def test_protocols_are_the_operators_unless_they_are_the_originals_default(text, served):
    assert frame(ssl_protocols=text).protocols == served


def test_the_originals_list_of_protocols_is_told():
    assert problems_of(NginxSettings(), None) == ()
    (problem,) = problems_of(NginxSettings(ssl_protocols="SSLv3 TLSv1 TLSv1.1 TLSv1.2"), None)
    assert problem.key == "NGINX_SSL_PROTOCOLS"


def test_a_user_that_nginx_cannot_become_is_said():
    assert problems_of(NginxSettings(user="web"), Identity("web", 33, 33)) == ()
    (problem,) = problems_of(NginxSettings(user="web"), None)
    assert problem.key == "NGINX_USER"


@pytest.mark.parametrize("text", ["", "SSLv3", "TLSv1.2; include x", "TLSv1.2 tlsv1.3"])
def test_other_protocols_are_refused(text):
    with pytest.raises(PermanentError, match="NGINX_SSL_PROTOCOLS"):
        frame(ssl_protocols=text)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"ssl_ciphers": "HIGH;"}, "NGINX_SSL_CIPHERS"),
        ({"ssl_ciphers": ""}, "NGINX_SSL_CIPHERS"),
        ({"syslog_addr": "host:514,tag=x"}, "NGINX_SYSLOG_ADDR"),
        ({"syslog_addr": "unix:/dev/log"}, "NGINX_SYSLOG_ADDR"),
        ({"trusted_proxies": ("0.0.0.0/0; deny all",)}, "NGINX_TRUSTED_PROXIES"),
        ({"status_allow": ("all",)}, "NGINX_STATUS_ALLOW"),
        ({"unknown_host_status": 444}, "NGINX_UNKNOWN_HOST_STATUS"),
    ],
)
def test_a_setting_that_nginx_would_misread_is_refused_by_name(settings, name):
    with pytest.raises(PermanentError, match=name):
        frame(**settings)


@pytest.mark.parametrize("address", ["logs.example.com", "10.0.0.1:514", "[fd00::1]:514"])
def test_syslog_servers_are_named_by_host_and_port(address):
    assert frame(syslog_addr=address).syslog == address


def test_networks_are_written_as_networks():
    made = frame(trusted_proxies=("10.1.2.3/8", "::1"), status_allow=(" 192.168.1.1 ",))
    assert made.trusted == ("10.0.0.0/8", "::1/128")
    assert made.status_allow == ("192.168.1.1/32",)
