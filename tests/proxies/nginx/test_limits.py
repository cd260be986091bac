"""What NGINX cannot do is said, once and with its fix; what it can do is not complained of."""

import msgspec
import pytest

from interlock.core.model import Backend, Balance, CheckKind, HealthCheck, Match, Options, Retry, Route, Verify
from interlock.proxies.nginx.certificates import Store
from interlock.proxies.nginx.frame import Frame, Live
from interlock.proxies.nginx.limits import HONOURED, problems_of, problems_of_itself

FRAME = Frame(control_socket="/c", pid_file="/p", temp_dir="/t", http_port=80, https_port=443)


def problems(tmp_path, options, frame=FRAME):
    store = Store(str(tmp_path), tmp_path / "copies", group=-1)
    return problems_of(frame, store, Route(match=Match("a.com"), backend=Backend(options=options)))


def test_every_option_is_served_or_complained_of():
    assert set(Options.__struct_fields__) == HONOURED


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(balance=Balance.SOURCE, check_interval=100, rewrite=True, websocket_endpoints=("/ws",)),
        Options(check=HealthCheck(kind=CheckKind.NONE), ssl_backend=True),
        Options(backend_options=("forwardfor", "http-keep-alive", "http-no-delay", "keepalive 16")),
        Options(ssl_backend_verify=Verify.REQUIRED),
        Options(retry=Retry.ALL),
    ],
)
def test_what_nginx_does_is_no_problem(tmp_path, options):
    assert problems(tmp_path, options) == ()


@pytest.mark.parametrize(
    ("options", "key", "value", "what"),
    [
        (Options(balance=Balance.FIRST), "balance of a.com", "first", "one server before the next"),
        (
            Options(check=HealthCheck(kind=CheckKind.HTTP, uri="/up")),
            "check of a.com",
            "httpchk GET /up",
            "no health checks",
        ),
        (Options(check=HealthCheck(kind=CheckKind.REDIS)), "check of a.com", "redis-check", "no health checks"),
        (Options(retry=Retry.OFF), "retry of a.com", "off", "refused"),
        (Options(slow_start=30), "slow_start of a.com", "", "no Lua module"),
        (Options(locality=("a",), balance=Balance.URI), "locality of a.com", "", "no local container is up"),
        (Options(backend_options=("abortonclose",)), "backend_options of a.com", "abortonclose", "HAProxy"),
        (
            Options(ssl_backend=True, ssl_backend_verify=Verify.REQUIRED),
            "ssl_backend_verify of a.com",
            "",
            "no CA",
        ),
        (Options(ssl=True), "ssl of a.com", "", "no certificate"),
        (Options(ssl_only=True), "ssl_only of a.com", "", "no certificate"),
        (Options(ssl_certificate="x.pem"), "ssl_certificate of a.com", "x.pem", "No such file"),
    ],
)
def test_what_nginx_cannot_do_is_said(tmp_path, options, key, value, what):
    (problem,) = problems(tmp_path, options)
    assert (problem.key, problem.value) == (key, value)
    assert what in problem.what
    assert problem.fix


def test_with_lua_a_newcomer_may_start_slowly(tmp_path):
    live = msgspec.structs.replace(FRAME, live=Live((), "/lua", "/records.txt"))
    assert problems(tmp_path, Options(slow_start=30), live) == ()


def test_stand_bys_are_no_limit_where_nginx_or_its_lua_passes_over_servers(tmp_path):
    live = msgspec.structs.replace(FRAME, live=Live((), "/lua", "/records.txt"))
    assert problems(tmp_path, Options(locality=("a",), balance=Balance.URI), live) == ()
    assert problems(tmp_path, Options(locality=("a",), balance=Balance.LEASTCONN)) == ()


def test_without_https_whoever_wants_it_is_told(tmp_path):
    (problem,) = problems(tmp_path, Options(ssl=True, ssl_only=True), msgspec.structs.replace(FRAME, https_port=0))
    assert "no HTTPS" in problem.what


def test_an_nginx_without_its_status_module_says_so():
    assert problems_of_itself(FRAME) == ()
    (problem,) = problems_of_itself(msgspec.structs.replace(FRAME, has_status=False))
    assert problem.key == "/nginx_status"
