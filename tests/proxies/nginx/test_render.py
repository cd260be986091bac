"""The configuration: golden files for its text, an independent parser for what must never be in it."""

import functools
import json
import re
import tempfile
from pathlib import Path

import crossplane
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.core.model import (
    Balance,
    CheckKind,
    ContainerKey,
    HealthCheck,
    Maintenance,
    Match,
    Options,
    Retry,
    Server,
    Verify,
)
from interlock.core.problems import PermanentError
from interlock.proxies.nginx.frame import Certificates, Frame, Live, Pair
from interlock.proxies.nginx.lookup import depth_of
from interlock.proxies.nginx.render import render
from interlock.proxies.serving.sites import Site
from interlock.testing.worlds import container, table_of

GOLDEN = Path(__file__).parents[2] / "data" / "golden"

FRAME = Frame(
    control_socket="/run/interlock/nginx/control.sock",
    pid_file="/run/interlock/nginx/nginx.pid",
    temp_dir="/var/lib/interlock/nginx/temp",
    http_port=80,
)
FULL_FRAME = Frame(
    control_socket="/run/interlock/nginx/control.sock",
    pid_file="/run/nginx.pid",
    temp_dir="/var/lib/interlock/nginx/temp",
    spare_temp_paths=(),
    http_port=8080,
    https_port=8443,
    http2_by_itself=False,
    backend_ca="/etc/ssl/cas.pem",
    buffering=True,
    max_body=2048,
    syslog="127.0.0.1:514",
    trusted=("10.0.0.0/8", "fd00::/8"),
    status_allow=("192.168.0.0/16",),
    has_status=False,
    unknown_status=503,
)
LIVE = Live(("/usr/lib/nginx/modules/ngx_http_lua_module.so",), "/var/lib/lua", "/var/lib/interlock/nginx/records.txt")
LIVE_FRAME = msgspec.structs.replace(FRAME, live=LIVE)
HTTPS_FRAME = msgspec.structs.replace(FRAME, https_port=443)
NOTHING = Certificates()
SOME = Certificates({"tls.com": Pair("/c/1.pem", "/c/2.pem"), "*.wild.com": Pair("/c/1.pem", "/c/2.pem")})


def server(name, address="10.0.0.1", **fields):
    return Server(name=name, address=address, port=5000, container=ContainerKey("e", name), **fields)


SITES = (
    Site(match=Match("*.wild.com"), options=Options(balance=Balance.SOURCE), servers=(server("w1", "fd00::1"),)),
    Site(match=Match("default"), options=Options(balance=Balance.LEASTCONN), servers=(server("d1", weight=0),)),
    Site(
        match=Match("demo.interlock.com"),
        options=Options(check_interval=1500, backend_options=("keepalive 7", "http-no-delay")),
        servers=(server("web_1"), server("web_2", "10.0.0.2", weight=50)),
        maintenance=Maintenance('Back at "noon" for $5;\\', "2026-11-24T12:00:00Z"),
    ),
    Site(
        match=Match("demo.interlock.com", "/app/V.2"),
        options=Options(rewrite=True, ssl_only=True, balance=Balance.URI),
        servers=(server("app_1", weight=256), server("app_2", weight=3)),
    ),
    Site(match=Match("later.com"), options=Options(), has_backend=False, maintenance=Maintenance("Later")),
    Site(match=Match("paths.com", "/only"), options=Options(), servers=(server("p1"),)),
    Site(
        match=Match("tls.com"),
        options=Options(
            ssl=True,
            ssl_backend=True,
            ssl_backend_verify=Verify.REQUIRED,
            check=HealthCheck(kind=CheckKind.NONE),
            balance=Balance.RANDOM,
            retry=Retry.ALL,
        ),
        servers=(server("t1"),),
    ),
)


def as_text(rendered):
    return "".join(f"=== {name}\n{text}" for name, text in rendered.files.items())


def test_an_empty_configuration_is_the_golden_one():
    assert as_text(render(FRAME, (), NOTHING)) == (GOLDEN / "nginx-empty.txt").read_text()


def test_a_full_configuration_is_the_golden_one():
    assert as_text(render(FULL_FRAME, SITES, SOME)) == (GOLDEN / "nginx-full.txt").read_text()


def test_a_configuration_with_lua_is_the_golden_one():
    assert as_text(render(LIVE_FRAME, SITES, NOTHING)) == (GOLDEN / "nginx-live.txt").read_text()


def test_the_generation_names_everything_that_takes_a_reload():
    some = Site(match=Match("a.com"), options=Options(), servers=(server("a"),))
    none = Site(match=Match("a.com"), options=Options())
    other = Site(match=Match("a.com"), options=Options(balance=Balance.LEASTCONN), servers=(server("a"),))

    def generation(frame, site, certificates=NOTHING):
        return render(frame, [site], certificates).generation

    assert generation(FRAME, some) != generation(FRAME, none), "without Lua, servers do"
    assert generation(LIVE_FRAME, some) == generation(LIVE_FRAME, none)
    assert generation(LIVE_FRAME, some) == generation(LIVE_FRAME, other), "the record says how a server is chosen"
    https = msgspec.structs.replace(some, options=Options(ssl_only=True))
    assert generation(LIVE_FRAME, some) != generation(LIVE_FRAME, https)
    assert generation(FRAME, some) != generation(FULL_FRAME, some)
    renewed = Certificates({"a.com": Pair("/c/3.pem", "/c/3.pem")})
    assert generation(FULL_FRAME, some) != generation(FULL_FRAME, some, renewed)


def test_a_closed_site_with_lua_changes_its_record_only():
    open_ = Site(match=Match("a.com"), options=Options(), servers=(server("a"),))
    closed = msgspec.structs.replace(open_, maintenance=Maintenance("Later"))
    before, after = (render(LIVE_FRAME, [site], NOTHING).files for site in (open_, closed))
    assert {name for name in before if before[name] != after[name]} == {"records.txt"}


def test_a_file_name_that_nginx_would_read_a_variable_in_is_refused():
    with pytest.raises(PermanentError, match="dollar"):
        render(msgspec.structs.replace(FRAME, pid_file="/run/$user.pid"), (), NOTHING)


def test_hash_tables_grow_with_the_sites():
    many = [Site(match=Match(f"h{number}.com"), options=Options()) for number in range(3000)]
    assert "map_hash_max_size 8192;" in render(FRAME, many, NOTHING).files["nginx.conf"]


HOSTILE = st.sampled_from(
    [
        "\n    server evil 6.6.6.6:80;",
        "; } server { listen 9999; } #",
        "\r\n\r\nload_module /tmp/x.so;",
        "$hostname",
        "${http_cookie}",
        '"; access_log /etc/passwd; "',
        "'\"",
        "\\",
        '\\"; include /etc/shadow;',
        "~^.*$",
        "*",
        "default",
        "include /etc/passwd",
        "a b",
        "\x00",
        "\u2028",
        "{ root /etc; }",
        "#",
        "unix:/run/docker.sock",
    ]
)
VALUES = st.one_of(HOSTILE, st.text(max_size=20), st.builds("demo{}".format, HOSTILE), st.builds("/{}".format, HOSTILE))
KEYS = st.sampled_from(
    [
        "hostname",
        "domain",
        "check",
        "balance_algorithm",
        "ssl_backend_tls_verify",
        "ssl_certificate",
        "ssl_certificate_key",
        "context_root",
        "network",
        "ready",
        "warm",
        "retry",
    ]
)
FLAGS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("ssl", "ssl_only", "ssl_backend", "context_root_rewrite", "ip_hash"), st.booleans())
)
POOL = re.compile(r"[A-Za-z0-9_-]+")
UPSTREAM = {
    "server": re.compile(r"[0-9a-f.:\[\]]+:\d+ weight=\d+ max_fails=(0|2 fail_timeout=\d+s|0 backup)"),
    "keepalive": re.compile(r"\d+"),
    "keepalive_timeout": re.compile(r"4s"),
    "hash": re.compile(r"\$(remote_addr|interlock_path) consistent"),
    "least_conn": re.compile(r""),
    "random": re.compile(r""),
}
TRAIT = re.compile(
    r"|1|[a-z0-9-]*verified|off|safe-5xx|all|idle|unknown|[0-9a-f]{2}_[A-Za-z0-9_-]+|https?|\$interlock_rest_\d+|\$request_uri|\$interlock_host"
)
"""What the map of an option may say of a site."""
TLS = {
    "listen",
    "http2",
    "server_name",
    "ssl_certificate",
    "ssl_certificate_key",
    "include",
    "ssl_reject_handshake",
    "return",
}


def parsed(rendered):
    """File -> its directives, as crossplane reads them."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in rendered.files.items():
            (Path(folder) / name).write_text(text)
        payload = crossplane.parse(str(Path(folder) / "nginx.conf"), strict=False, catch_errors=False)
    return {Path(config["file"]).name: config["parsed"] for config in payload["config"]}


def plain(directives):
    """Name, arguments and block of each directive."""
    return [(each["directive"], each["args"], plain(each.get("block", []))) for each in directives]


def split(main):
    """The configuration without its sites, the maps of options, and the pools."""
    *head, (_, _, http) = plain(main)
    about_sites = [
        each
        for each in http
        if each[0] == "map" and (each[1][0] in {"$interlock_site", "$interlock_host"} or "rest_" in each[1][1])
    ]
    pools = [each for each in http if each[0] == "upstream"]
    rest = [each for each in http if each not in about_sites and each not in pools]
    return (head, rest[:-1], rest[-1]), about_sites, pools


@functools.cache
def expected_frame(depth):
    """Of a site with so many segments in its path, and nothing special about it."""
    site = Site(match=Match("harmless.com", "/p" * depth or "/"), options=Options())
    return split(parsed(render(HTTPS_FRAME, [site], NOTHING))["nginx.conf"])[0]


def check_pools(pools):
    for _, (name,), block in pools:
        assert POOL.fullmatch(name)
        for directive, arguments, _ in block:
            assert UPSTREAM[directive].fullmatch(" ".join(arguments)), (directive, arguments)


def check_maps(maps):
    for _, (source, target), entries in maps:
        assert re.fullmatch(r"\$interlock_[a-z_0-9]+", target)
        for name, (value,), block in entries:
            assert not block
            if source == "$request_uri":
                assert (name, value) in {("default", ""), (f"~^(?:/[^/?#]*){{{target[16:]}}}(/.*)$", "$1")}
            else:
                assert name == "" or POOL.fullmatch(name)
                assert TRAIT.fullmatch(value)


def check_map_file(directives, pattern):
    for name, arguments, block in plain(directives):
        assert re.match(pattern, name), name
        assert POOL.fullmatch(" ".join(arguments)), arguments
        assert not block


@settings(max_examples=50, deadline=None)
@given(
    data=st.dictionaries(KEYS, VALUES, max_size=6),
    flags=FLAGS,
    more=st.fixed_dictionaries(
        {"alias_domains": st.lists(VALUES, max_size=3), "backend_options": st.lists(VALUES, max_size=3)}
    ),
    name=VALUES,
)
def test_no_text_of_a_container_becomes_a_directive(data, flags, more, name):
    base = {"hostname": "demo", "domain": "interlock.com"}
    table = table_of(container(name, json.dumps(base | data | flags | more)))
    sites = [Site(match=m, options=route.backend.options, servers=route.backend.servers) for m, route in table.items()]
    certificates = Certificates({match.host: Pair("/c/1.pem", "/c/1.pem") for match in table})
    found = parsed(render(HTTPS_FRAME, sites, certificates))
    (head, frame, control), maps, pools = split(found["nginx.conf"])
    expected_head, expected, expected_control = expected_frame(max(map(depth_of, table), default=0))
    assert (head, frame) == (expected_head, expected)
    assert [each[:2] for each in control[2]] == [each[:2] for each in expected_control[2]]
    check_pools(pools)
    check_maps(maps)
    check_map_file(found["hosts.map"], r"\\")
    check_map_file(found.get("paths.map", []), r"\\|~\^[A-Za-z0-9_-]+\\\^/")
    servers = [each["block"] for each in found["tls.conf"] if each["directive"] == "server"]
    lines = [line for block in servers for line in block]
    assert {line["directive"] for line in lines} <= TLS
    named = [name for line in lines if line["directive"] == "server_name" for name in line["args"]]
    assert named == sorted({match.host for match in table})


@settings(max_examples=50, deadline=None)
@given(hosts=st.lists(st.one_of(HOSTILE, st.text(max_size=12)), max_size=5, unique=True))
def test_even_a_text_that_no_grammar_has_seen_stays_one_key(hosts):
    printable = [host for host in hosts if host.isprintable()]
    sites = [Site(match=Match(host, f"/p{host}"), options=Options()) for host in printable]
    found = parsed(render(FRAME, sites, NOTHING))
    check_map_file(found.get("hosts.map", []), r"\\")
    assert len(found.get("hosts.map", [])) == len(printable)
    assert len(found.get("paths.map", [])) == len(printable)


@pytest.mark.parametrize("host", ["a\nb", "a\x00b", "a\x7fb"])
def test_a_control_character_is_refused_wherever_it_comes_from(host):
    with pytest.raises(PermanentError, match="control character"):
        render(FRAME, [Site(match=Match(host), options=Options())], NOTHING)
