"""Containers that ask for the impossible, or for harm: they are named, with a fix, and cost nobody else anything."""

import json
import re

import pytest

from testbed import images
from testbed.waiting import wait_for

pytestmark = pytest.mark.real

LONG = "x" * 65_000


def data(**keys: object) -> tuple[str, str]:
    return "--env", f"INTERLOCK_DATA={json.dumps({'domain': 'interlock.com'} | keys)}"


def labels(**keys: str) -> list[str]:
    given = {"domain": "interlock.com"} | keys
    return [word for key, value in given.items() for word in ("--label", f"interlock.{key}={value}")]


HOSTILE = {
    "null": ["--env", "INTERLOCK_DATA=null"],
    "no-json": ["--env", "INTERLOCK_DATA={"],
    "escaped-newline": data(hostname="a\nserver evil 192.0.2.1:80"),
    "newline": labels(hostname="a\nserver evil 192.0.2.1:80"),
    "semicolon": data(hostname="a;b"),
    "brace": data(hostname="a}"),
    "quotes": labels(hostname="a\"'b"),
    "percent": data(hostname="%[env(PATH)]"),
    "nul": data(hostname="a\0b"),
    "backslash": labels(hostname="a\\"),
    "long-data": data(hostname=LONG),
    "long-label": labels(hostname=LONG),
    "star-inside": data(hostname="a.*.b"),
    "bad-check": data(hostname="check", check="httpchk GET /\n  server evil 192.0.2.1:80"),
    "bad-option": data(hostname="option", backend_options=["httpclose\n  server evil 192.0.2.1:80"]),
    "bad-port": data(hostname="port", port=99999),
    "wrong-type": data(hostname=["a"]),
}
HARMLESS = {
    # host that is asked for, and what asks for it; each sounds like a name that HAProxy or Interlock uses itself
    "interlock.unknown": data(hostname="interlock", domain="unknown"),
    "interlock.maintenance": data(hostname="interlock", domain="maintenance"),
    "http.default": data(hostname="http", domain="default"),
    "a.b.interlock.com": data(hostname="a.b"),
    "a-b.interlock.com": data(hostname="a-b"),
    "a_b.interlock.com": data(hostname="a_b"),
    "anything.wild.interlock.com": data(hostname="*", domain="wild.interlock.com"),
}


def test_they_leave_every_other_route_untouched_and_are_named_with_a_fix(dockerd, docker, web_image, interlock_native):
    interlock = interlock_native(dockerd)
    site = interlock.site("demo.interlock.com")
    good = docker("run", "--detach", *data(hostname="demo"), images.WEB)[:12]
    wait_for(lambda: site.get().status == 200, "the good container", seconds=20)
    with site.visitors() as visitors:
        for name, options in HOSTILE.items():
            docker("run", "--detach", "--name", f"hostile-{name}", *options, images.WEB)
        another = docker("run", "--detach", *data(hostname="demo"), images.WEB)[:12]
        wait_for(lambda: set(site.ask(6).servers) == {good, another}, "another good container", seconds=20)
    assert visitors.tally.is_clean, visitors.tally
    for name in HOSTILE:
        assert re.search(rf"level=(warning|error) msg=.*hostile-{name}\b.*fix: ", interlock.log), name
    assert "server evil" not in (interlock.folder / "state/haproxy/haproxy.cfg").read_text()


def test_a_label_with_a_nul_byte_is_named_too(dockerd, docker, web_image, interlock_native):
    interlock = interlock_native(dockerd)
    asked = {"Image": web_image, "Labels": {"interlock.hostname": "a\0b", "interlock.domain": "interlock.com"}}
    key = dockerd.api("/containers/create?name=hostile-label", method="POST", body=asked)["Id"]
    docker("start", key)
    interlock.wait_for(r"level=(warning|error) msg=.*hostile-label\b.*fix: ")


def test_names_that_sound_reserved_are_served_like_any_other(dockerd, docker, web_image, interlock_native):
    interlock = interlock_native(dockerd)
    for host, options in HARMLESS.items():
        key = docker("run", "--detach", *options, images.WEB)[:12]
        site = interlock.site(host)
        wait_for(lambda site=site: site.get().status == 200, host, seconds=20)
        assert set(site.ask(5).servers) == {key}


def test_servers_may_have_the_names_of_the_statistics_pages_rows(dockerd, docker, web_image, interlock_native):
    interlock = interlock_native(dockerd)
    site = interlock.site("demo.interlock.com")
    names = ("BACKEND", "FRONTEND", "a.b", "a-b", "a_b", "00")
    keys = {docker("run", "--detach", "--name", name, *data(hostname="demo"), images.WEB)[:12] for name in names}
    wait_for(lambda: set(site.ask(20).servers) == keys, f"{names}; log:\n{interlock.log}", seconds=20)
