"""Who is to blame for a refusal, by the file and line that NGINX names."""

import pytest

from interlock.core.model import ContainerKey, Match, Options, Server
from interlock.proxies.nginx.blame import culprits
from interlock.proxies.nginx.frame import Certificates, Frame
from interlock.proxies.nginx.pools import upstream_name
from interlock.proxies.nginx.render import render
from interlock.proxies.serving.sites import Site

FRAME = Frame(control_socket="/c", pid_file="/p", temp_dir="/t", http_port=80)
SITES = [
    Site(
        match=match,
        options=Options(),
        servers=(Server(name="s", address="10.0.0.1", port=80, container=ContainerKey("e", "s")),),
    )
    for match in (Match("a.com"), Match("a.com", "/app"), Match("b.com"))
]
TEXTS = render(FRAME, SITES, Certificates()).files


def line_of(name, text):
    return next(number for number, line in enumerate(TEXTS[name].splitlines(), start=1) if text in line)


def message(name, number):
    return (
        f"2026/11/24 12:00:00 [warn] 1#1: not this\nnginx: [emerg] it is wrong in /x/candidate/{name}:{number}\nfailed"
    )


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("nginx.conf", f"upstream {upstream_name(SITES[2])}", Match("b.com")),
        ("hosts.map", "b.com", Match("b.com")),
        ("paths.map", "/app", Match("a.com", "/app")),
    ],
)
def test_a_line_of_a_site_is_the_sites_fault(name, text, match):
    assert culprits(message(name, line_of(name, text)), TEXTS, SITES) == {match}


def test_a_server_in_a_pool_is_the_pools_fault():
    number = line_of("nginx.conf", f"upstream {upstream_name(SITES[0])} ") + 1
    assert culprits(message("nginx.conf", number), TEXTS, SITES) == {Match("a.com")}


def test_the_main_file_may_be_called_otherwise():
    number = line_of("nginx.conf", f"upstream {upstream_name(SITES[2])}")
    assert culprits(message("other.conf", number), TEXTS, SITES) == {Match("b.com")}


@pytest.mark.parametrize(
    "output",
    [
        "",
        "nginx: [emerg] no place at all",
        message("nginx.conf", line_of("nginx.conf", "worker_processes")),
        message("nginx.conf", line_of("nginx.conf", "listen 80")),
        message("server.conf", 3),
    ],
)
def test_what_is_nobodys_is_nobodys_fault(output):
    assert culprits(output, TEXTS, SITES) == set()
