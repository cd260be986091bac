"""Observers named by --plugin in a whole Interlock on a real engine: what each of them says to the world outside."""

import base64
import hashlib
import hmac
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from testbed import quick
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
SECRET = "a secret of the test"
SECONDS = 60


class Lines(socketserver.StreamRequestHandler):
    """Carbon's plaintext receiver."""

    def handle(self):
        self.server.told.extend(line.decode() for line in self.rfile)


class Hook(BaseHTTPRequestHandler):
    """A receiver of webhooks."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver(dockerd):
    """Starts a server on this machine; its address, and what it is told."""
    servers = []

    def start(kind, handler):
        server = kind((dockerd.machine, 0), handler)
        server.daemon_threads = True
        server.told = []
        threading.Thread(target=server.serve_forever, name="receiver", daemon=True).start()
        servers.append(server)
        return f"{dockerd.machine}:{server.server_address[1]}", server.told

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def serving(dockerd, docker, web_image, interlock_native):
    """An Interlock with these observers, and a site behind it."""

    def start(*plugins, **variables):
        options = tuple(word for plugin in plugins for word in ("--plugin", plugin))
        interlock = interlock_native(dockerd, options=options, **variables)
        docker("run", "-d", "--name", "web_1", "--env", quick.data(HOST), web_image)
        wait_for(lambda: interlock.site(HOST).get().status == 200, "the first answer", seconds=SECONDS)
        return interlock

    return start


def test_stats_tells_carbon_of_each_container_and_event(receiver, serving):
    address, told = receiver(socketserver.ThreadingTCPServer, Lines)
    serving("stats", STATS_CARBON_ADDRESS=address, STATS_INTERVAL="1")

    def values(path):
        return [float(line.split()[1]) for line in told if line.startswith(f"docker.stats.{path} ")]

    wait_for(lambda: len(values("containers.web_1.memory.usage")) >= 2, "two measurements", seconds=SECONDS)
    assert min(values("containers.web_1.memory.usage")) > 0
    assert values("containers.web_1.cpu.totalUsage") == sorted(values("containers.web_1.cpu.totalUsage"))
    assert values("cluster.events")


def test_webhook_tells_of_changes_in_order_and_signed(receiver, serving, docker):
    address, told = receiver(ThreadingHTTPServer, Hook)
    serving("webhook", WEBHOOK_URLS=f"http://{address}/hook", WEBHOOK_SECRET=SECRET)
    docker("rm", "--force", "web_1")

    def bodies():
        return [json.loads(body) for _, body in told]

    def actions():
        causes = [cause for each in bodies() for cause in each["happening"].get("causes", ())]
        return [cause["action"] for cause in causes if cause["container"] == "web_1"]

    wait_for(lambda: "destroy" in actions(), "the container to go", seconds=SECONDS)
    assert actions().index("destroy") > 0, "it was told of before"
    moments = [each["at"] for each in bodies()]
    assert moments == sorted(moments)
    for headers, body in told:
        signed = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + body
        digest = hmac.digest(SECRET.encode(), signed, hashlib.sha256)
        assert headers["Webhook-Signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_hosts_writes_the_names_of_sites_while_they_are_routed(serving, docker, web_image, tmp_path):
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    interlock = serving("hosts", HOSTS_FILE=str(file), HOSTS_ADDRESS="10.0.0.80")
    wait_for(lambda: f"10.0.0.80\t{HOST}\n" in file.read_text(), "the name", seconds=SECONDS)
    docker("run", "-d", "--name", "shop", "--env", quick.data("shop.interlock.com"), web_image)
    wait_for(lambda: "shop.interlock.com" in file.read_text(), "the second name", seconds=SECONDS)
    docker("rm", "--force", "web_1")
    wait_for(lambda: HOST not in file.read_text(), "the name to go", seconds=SECONDS)
    assert "shop.interlock.com" in file.read_text()
    interlock.stop()
    assert file.read_text() == "127.0.0.1 localhost\n"
    interlock.start()
    interlock.wait_until_ready()
