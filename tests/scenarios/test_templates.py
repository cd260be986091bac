"""A template of the operator's in the real program: it serves by it, and a bad change of it harms nobody."""

import json
import signal
import subprocess

import pytest

from testbed import images
from testbed.native import PROGRAM
from testbed.programs import environment
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
GOOD = """\
{% extends "builtin/haproxy.cfg.j2" %}
{% block rules %}
    http-request deny deny_status 403 if { path_beg /internal }
{% endblock %}
"""


def run_web(engine, host):
    data = json.dumps({"hostname": host, "domain": host})
    return engine.docker("run", "--detach", "--env", f"INTERLOCK_DATA={data}", images.WEB)[:12]


def status_of(interlock):
    """What `interlock status --json` says."""
    command = [PROGRAM, "--run-dir", interlock.folder / "run", "status", "--json"]
    answer = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    return json.loads(answer.stdout)


def wait_for_site(interlock, host, container):
    site = interlock.site(host)
    wait_for(lambda: set(site.ask(2).servers) == {container}, f"{container} behind {host}; {interlock.log[-4000:]}")


@pytest.mark.usefixtures("docker", "web_image")
def test_a_bad_change_of_a_template_costs_no_request_and_is_told_until_it_is_mended(
    dockerd, interlock_native, tmp_path
):
    template = tmp_path / "haproxy.cfg.j2"
    template.write_text(GOOD)
    interlock = interlock_native(dockerd, HAPROXY_TEMPLATE_PATH=str(template))
    wait_for_site(interlock, HOST, run_web(dockerd, HOST))
    site = interlock.site(HOST)
    assert site.get("/internal").status == 403
    with site.visitors() as visitors:
        template.write_text(GOOD.replace("/internal", "/{{ frame.nobody }}"))
        interlock.send(signal.SIGHUP)
        interlock.wait_for(r"the last good template stays in force: \S+haproxy\.cfg\.j2, line 3: frame has no nobody")
        wait_for(lambda: "HAPROXY_TEMPLATE_PATH" in str(status_of(interlock)), "the problem in the status")
        wait_for_site(interlock, "later.com", run_web(dockerd, "later.com"))
        assert site.get("/internal").status == 403
        template.write_text(GOOD.replace("/internal", "/secret"))
        interlock.send(signal.SIGHUP)
        wait_for(lambda: site.get("/secret").status == 403, f"the new rule; log of Interlock:\n{interlock.log[-4000:]}")
        wait_for(lambda: "HAPROXY_TEMPLATE_PATH" not in str(status_of(interlock)), "no problem in the status any more")
    assert visitors.tally.is_clean, visitors.tally
    assert site.get("/internal").status == 200


@pytest.mark.usefixtures("docker", "web_image")
def test_a_restart_with_a_bad_template_serves_by_the_last_good_one(dockerd, interlock_native, tmp_path):
    template = tmp_path / "haproxy.cfg.j2"
    template.write_text(GOOD)
    interlock = interlock_native(dockerd, HAPROXY_TEMPLATE_PATH=str(template))
    wait_for_site(interlock, HOST, run_web(dockerd, HOST))
    assert interlock.stop() == 0
    template.write_text(GOOD.replace("deny deny", "dny deny"))
    interlock.start()
    interlock.wait_until_ready()
    assert interlock.site(HOST).get("/internal").status == 403
    interlock.wait_for(r"line 3: HAProxy refuses `http-request dny")
