"""Two Interlocks on one engine need no leader: whatever each has heard, both serve the same, byte for byte."""

import re

import pytest

from testbed import quick
from testbed.relay import Relay
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

FILES = ("haproxy.cfg", "routes.map", "checks.map", "check_hosts.map")
HOSTS = ("demo.interlock.com", "shop.interlock.com", "*.interlock.com")
PASSWORD = "the same for both"
DIGEST = r"\b[0-9a-f]{16}\b"
SECONDS = 60


def files_of(interlock):
    """What its HAProxy would load, without what is this very Interlock's: folder, port, and the digest of the two."""
    folder = interlock.folder / "state" / "haproxy"
    text = "".join((folder / name).read_text() for name in FILES)
    for own, word in ((str(interlock.folder), "FOLDER"), (f":{interlock.port}\\b", ":PORT"), (DIGEST, "DIGEST")):
        text = re.sub(own, word, text)
    return text


def same(one, other, *hosts):
    """Wait until both know these hosts and write the same; the files come a moment after the steps."""

    def is_same():
        found = files_of(one)
        return found == files_of(other) and all(f"\n{host}/ " in f"\n{found}" for host in hosts)

    try:
        wait_for(is_same, f"both to serve {hosts}", seconds=SECONDS)
    except TimeoutError:
        assert files_of(one) == files_of(other)
        raise


def answering(interlock, host):
    return {answer.server for answer in interlock.site(host).ask(12).answers}


def test_they_serve_the_same_whatever_each_has_heard(*, dockerd, docker, web_image, interlock_native, tmp_path):
    # Behind a relay nobody can tell that the engine is near, so both are told where its published ports are.
    alike = {"HAPROXY_STATS_PASSWORD": PASSWORD, "HAPROXY_PROXY_BACKEND_OVERRIDE_ADDRESS": dockerd.address}

    def run(name, host):
        docker("run", "--detach", "--name", name, "--publish", "5000", "--env", quick.data(host), web_image)

    with Relay(tmp_path / "relay.sock", dockerd.socket) as relay:
        early = interlock_native(dockerd, url=relay.url, **alike)
        for number, host in enumerate(HOSTS * 2, start=1):
            run(f"web_{number}", host)
        docker("stop", "--time", "1", "web_2")
        late = interlock_native(dockerd, **alike)
        same(early, late, *HOSTS)
        relay.cut_next_event()  # that one hears nothing of what comes next, and must list
        docker("restart", "--time", "1", "web_5", "web_3")
        docker("start", "web_2")
        docker("rm", "--force", "web_1", "web_4")
        run("new", "new.interlock.com")
        same(early, late, *HOSTS[1:], "new.interlock.com")
        assert relay.cuts == 1
        for host in ("shop.interlock.com", "any.interlock.com", "new.interlock.com"):
            wait_for(
                lambda host=host: "" not in answering(early, host) and answering(early, host) == answering(late, host),
                f"both to answer for {host}",
                seconds=SECONDS,
            )
