"""The configuration: golden files for its text, an independent parser for what must never be in it."""

import json
import re
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import (
    Balance,
    CheckKind,
    ContainerKey,
    HealthCheck,
    Maintenance,
    Match,
    Options,
    Server,
    Verify,
)
from interlock.proxies.haproxy.names import UNKNOWN_BACKEND
from interlock.proxies.haproxy.render import Frame, render, routes_entries
from interlock.proxies.serving.sites import Site
from interlock.testing.worlds import container, table_of

GOLDEN = Path(__file__).parents[2] / "data" / "golden"

FRAME = Frame(
    admin_socket="/run/interlock/haproxy/admin.sock",
    state_file="/var/lib/interlock/haproxy/server.state",
    http_port=80,
    stats_password="secret",
)
FULL_FRAME = Frame(
    admin_socket="/run/interlock/haproxy/admin.sock",
    state_file="/var/lib/interlock/haproxy/server.state",
    http_port=80,
    https_port=443,
    certificates="/var/lib/interlock/haproxy/certificates/0123",
    https_options=("no-tlsv11",),
    backend_ca="/etc/ssl/cas.pem",
    stats_password="secret",
    pid_file="/run/haproxy.pid",
    syslog="127.0.0.1:514",
    trusted=("10.0.0.0/8",),
    unknown_status=503,
)


def server(name, address="10.0.0.1", **fields):
    return Server(name=name, address=address, port=5000, container=ContainerKey("e", name), **fields)


SITES = (
    Site(match=Match("*.wild.com"), options=Options(balance=Balance.SOURCE), servers=(server("w1", "fd00::1"),)),
    Site(match=Match("closed.com"), options=Options(), routed=False),
    Site(
        match=Match("demo.interlock.com"),
        options=Options(check=HealthCheck(kind=CheckKind.HTTP, uri="/health?a=b"), check_interval=1000),
        servers=(server("web_1"), server("web_2", "10.0.0.2", weight=7)),
    ),
    Site(
        match=Match("demo.interlock.com", "/app"),
        options=Options(rewrite=True, ssl_only=True, backend_options=("http-no-delay",)),
        servers=(server("app_1"),),
    ),
    Site(
        match=Match("later.com"),
        options=Options(),
        has_backend=False,
        maintenance=Maintenance('Back at "noon": %[env(HOME)]', "2026-11-24T12:00:00Z"),
    ),
    Site(
        match=Match("tls.com"),
        options=Options(ssl_backend=True, ssl_backend_verify=Verify.REQUIRED, check=HealthCheck(kind=CheckKind.NONE)),
        servers=(server("t1"),),
    ),
)


def as_text(rendered):
    maps = {
        "routes.map": rendered.routes_map,
        "checks.map": rendered.checks_map,
        "check_hosts.map": rendered.check_hosts_map,
    }
    return rendered.config + "".join(f"\n=== {name}\n{text}" for name, text in maps.items())


def test_an_empty_configuration_is_the_golden_one():
    assert as_text(render(FRAME, ())) == (GOLDEN / "haproxy-empty.txt").read_text()


def test_a_full_configuration_is_the_golden_one():
    assert as_text(render(FULL_FRAME, SITES)) == (GOLDEN / "haproxy-full.txt").read_text()


def test_the_generation_names_the_structure_and_not_the_servers():
    some = Site(match=Match("a.com"), options=Options(), servers=(server("a"),))
    none = Site(match=Match("a.com"), options=Options())
    other = Site(match=Match("a.com"), options=Options(balance=Balance.LEASTCONN))
    assert render(FRAME, [some]).generation == render(FRAME, [none]).generation
    assert render(FRAME, [some]).generation != render(FRAME, [other]).generation
    assert render(FRAME, [some]).generation != render(FULL_FRAME, [some]).generation


def test_a_closed_site_changes_the_routes_map_and_nothing_else():
    open_ = Site(match=Match("a.com"), options=Options(), servers=(server("a"),))
    closed = Site(match=Match("a.com"), options=Options(), servers=(server("a"),), maintenance=Maintenance("Later"))
    assert render(FRAME, [closed]).config == render(FRAME, [open_]).config
    assert render(FRAME, [closed]).routes_map == "a.com/ interlock_maintenance:0:Later\n"


def test_a_host_known_by_paths_only_has_a_root_that_leads_nowhere():
    entries = dict(routes_entries(dict.fromkeys([Match("a.com", "/x"), Match("b.com"), Match("b.com", "/y")])))
    assert entries["a.com/"] == "interlock_unknown"
    assert entries["b.com/"] == "b_com"


ALLOWED_IN_BACKEND = re.compile(
    r"balance (roundrobin|leastconn|random|first|source|uri)"
    r"|hash-type consistent"
    r"|retry-on conn-failure( empty-response 0rtt-rejected)?( 500 502 503 504)?"
    r"|http-request disable-l7-retry unless \{ method GET HEAD OPTIONS TRACE PUT DELETE \}"
    r"|option (httpchk|ssl-hello-chk|smtpchk|ldap-check|redis-check|[a-z-]+)"
    r'|http-check send meth (GET|HEAD|OPTIONS) uri-lf "%\[be_name,map_str\(checks.map,/\)\]" ver HTTP/1\.[01]'
    r' hdr Host "%\[be_name,map_str\(check_hosts.map,localhost\)\]"'
    r'|http-request redirect code 302 location "https://%\[req.fhdr\(host\),field\(1,:\)\](:\d+)?%\[pathq\]" unless .*'
    r'|http-request redirect code 301 location "%\[path\]/(\?%\[query\])?" if .*'
    r'|http-request set-path "/%\[path,field\(\d+,/,0\)\]"'
    r"|server [A-Za-z0-9_.-]+ [0-9a-f.:\[\]]+:\d+ weight \d+ pool-purge-delay 5s pool-max-conn 1000( slowstart \d+s)?"
    r"( check inter \d+ fastinter \d+ downinter \d+ rise 1 fall 2)?"
    r"( ssl verify (none|required ca-file \S+) sni req\.hdr\(host\),field\(1,:\))?"
)
BACKEND = re.compile(r"backend [A-Za-z0-9_.-]+")
HOSTILE = st.sampled_from(
    [
        "\n    server evil 6.6.6.6:80",
        "\r\n\r\nglobal\n lua-load /tmp/x.lua",
        "x\nprogram p\n command /bin/sh",
        "%[env(HOME)]",
        '"${HOME}"',
        "-f /etc/shadow",
        "a || b",
        "{ always_true }",
        "use_backend other",
        "a b",
        "\x00",
        "\u2028",
        "; } server { listen 9999; ",
        "'\"",
        "\\",
    ]
)
VALUES = st.one_of(HOSTILE, st.text(max_size=20), st.builds("demo{}".format, HOSTILE))
KEYS = st.sampled_from(
    [
        "hostname",
        "domain",
        "check",
        "balance_algorithm",
        "ssl_backend_tls_verify",
        "ssl_certificate",
        "context_root",
        "network",
        "ready",
    ]
)


@given(
    data=st.dictionaries(KEYS, VALUES, max_size=6),
    more=st.fixed_dictionaries({"alias_domains": st.lists(VALUES, max_size=3), "backend_options": st.lists(VALUES)}),
    name=VALUES,
)
def test_no_text_of_a_container_reaches_the_configuration(data, more, name):
    base = {"hostname": "demo", "domain": "interlock.com"}
    table = table_of(container(name, json.dumps(base | data | more)))
    sites = [
        Site(match=match, options=route.backend.options, servers=route.backend.servers)
        for match, route in table.items()
    ]
    rendered = render(FRAME, sites)
    empty = render(FRAME, ())
    frame, _, backends = rendered.config.partition(f"\nbackend {UNKNOWN_BACKEND}\n")
    assert (
        frame.replace(rendered.generation, empty.generation)
        == empty.config.partition(f"\nbackend {UNKNOWN_BACKEND}\n")[0]
    )
    answer, _, backends = backends.partition("\n")
    assert answer in empty.config
    for line in backends.splitlines():
        if line.startswith("backend"):
            assert BACKEND.fullmatch(line), line
        elif line.strip():
            assert ALLOWED_IN_BACKEND.fullmatch(line.strip()), line
    for text in (rendered.routes_map, rendered.checks_map, rendered.check_hosts_map):
        for line in text.splitlines():
            assert re.fullmatch(r"[!-~]+ [!-~]+", line), line


def test_the_access_log_is_one_json_object_a_line_only_where_that_is_asked_for():
    text = render(FULL_FRAME, SITES).config
    as_json = render(msgspec.structs.replace(FULL_FRAME, json_log=True), SITES).config
    off = render(msgspec.structs.replace(FRAME, json_log=True), SITES).config
    assert ("option httplog" in text, "log-format" in text) == (True, False)
    assert ("option httplog" in as_json, as_json.count("    log-format ")) == (False, 1)
    assert not any(word in off for word in ("httplog", "log-format", "txn.request_id"))


def test_stand_bys_are_backup_servers_and_all_of_them_are_used():
    servers = (server("a.web_1"), server("b.web_1", "10.0.0.2", standby=True))
    near, alike = Options(locality=("a",)), Options()
    made = render(FRAME, [Site(match=Match("a.com"), options=near, servers=servers)]).config
    lines = [line.strip() for line in made.partition("\nbackend a_com\n")[2].splitlines()]
    assert lines.count("option allbackups") == lines.count("retries 50") == 1
    assert [" backup" in line for line in lines if line.startswith("server ")] == [False, True]
    assert [" on-error mark-down" in line for line in lines if line.startswith("server ")] == [True, False]
    assert "backup" not in render(FRAME, [Site(match=Match("a.com"), options=alike, servers=servers[:1])]).config


def test_a_container_that_asks_for_all_backups_gets_the_option_once():
    options = Options(locality=("a",), backend_options=("allbackups",))
    assert render(FRAME, [Site(match=Match("a.com"), options=options)]).config.count("option allbackups") == 1
