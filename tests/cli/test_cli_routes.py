"""`interlock routes`, of a file and of an engine."""

import io
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest

DATA = Path(__file__).parents[1] / "data"
INSPECTED = DATA / "cli" / "inspected.json"
LISTED = DATA / "cli" / "listed.json"
VECTORS = DATA / "vectors"
DIFFERENCES = json.loads((VECTORS / "differences.json").read_text())
CASES = [
    pytest.param(version, case, id=f"{version}: {case['name']}")
    for version in ("interlock-v0.3.3", "interlock-v1.4.5")
    for case in json.loads((VECTORS / f"{version}.json").read_text())["cases"]
]


def with_networks(document, networks):
    """A list entry that says itself what the original had to ask the networks for."""
    places = {
        name: {
            "NetworkID": network["Id"],
            "IPAddress": place.get("IPv4Address", "").partition("/")[0],
            "GlobalIPv6Address": place.get("IPv6Address", "").partition("/")[0],
        }
        for name, network in networks.items()
        if (place := network["Containers"].get(document["Id"]))
    }
    return document | {"NetworkSettings": {"Networks": places}} if networks else document


def made(picture):
    """Host and path -> servers, of the JSON."""
    return {
        (route["host"], route["path"]): sorted([each["name"], endpoint(each)] for each in route["servers"])
        for route in picture["routes"]
        if route["servers"]
    }


def endpoint(server):
    address = f"[{server['address']}]" if ":" in server["address"] else server["address"]
    return f"{address}:{server['port']}"


def expected(version, case):
    """Host and path -> servers: the original's, unless a difference is listed."""
    hosts = DIFFERENCES[version].get(case["name"], {}).get("hosts")
    if hosts is not None:
        return {(host["domain"], host["path"]): sorted(host["upstreams"]) for host in hosts}
    return {
        (host["Domain"], host.get("ContextRoot", {}).get("Path") or "/"): sorted(
            [each["Container"], each["Addr"]] for each in host["Upstreams"]
        )
        for host in case["haproxy"]["hosts"] or ()
    }


class TestOfFile:
    @pytest.mark.parametrize("file", [INSPECTED, LISTED], ids=["inspect form", "list form"])
    def test_a_single_bad_document_costs_nothing_but_itself(self, run, tmp_path, file):
        path = tmp_path / "mixed.json"
        path.write_text(json.dumps([1, *json.loads(file.read_text()), {"Id": 7}]))
        code, out, _ = run("routes", "--from", str(path), "--json")
        problems = json.loads(out)["problems"]
        assert code == 0
        assert [each["key"] for each in problems] == ["document 0", "document 4"]

    def test_inspect_documents_become_a_table(self, run):
        assert run("routes", "--from", str(INSPECTED)) == (
            0,
            (
                "HOST                 PATH    SERVER      ADDRESS         WEIGHT   STATE\n"
                "demo.interlock.com   /       cv1_web_1   0.0.0.0:32779   100      ready\n"
                "                             cv1_web_2   0.0.0.0:32783   100      ready\n"
            ),
            "",
        )

    def test_the_override_address_replaces_published_ones(self, run, monkeypatch):
        def addresses(*flags):
            _, out, _ = run("routes", "--from", str(INSPECTED), "--json", *flags)
            return {server["address"] for route in json.loads(out)["routes"] for server in route["servers"]}

        monkeypatch.setenv("HAPROXY_PROXY_BACKEND_OVERRIDE_ADDRESS", "10.9.9.9")
        assert addresses() == {"10.9.9.9"}
        assert addresses("--backend-override-address", "10.8.8.8") == {"10.8.8.8"}

    def test_stdin_is_a_file_too(self, program):
        code, out, err = program("routes", "--from", "-", stdin=INSPECTED.read_text())
        assert (code, err) == (0, "")
        assert out.count("cv1_web_") == 2

    def test_no_container_is_no_route(self, run, monkeypatch):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"[]")))
        assert run("routes", "--from", "-") == (0, "There are no routes.\n", "")

    def test_a_missing_file_is_wrong_use(self, run):
        assert run("routes", "--from", "/no/such.json") == (
            2,
            "",
            (
                "interlock: --from=/no/such.json cannot be read: No such file or directory\n"
                "fix: name a file that `docker inspect` wrote, or - for stdin\n"
            ),
        )

    def test_what_is_no_json_is_told_with_a_fix(self, run, tmp_path):
        path = tmp_path / "broken.json"
        path.write_text("services: web")
        code, out, err = run("routes", "--from", str(path))
        assert (code, out) == (1, "")
        assert err.startswith("interlock: no JSON list of container documents: ")
        assert "\nfix: " in err

    def test_hostile_values_reach_the_terminal_harmlessly(self, run, tmp_path):
        (document,) = json.loads(INSPECTED.read_text())[1:2]
        document["Config"]["Env"] = ['INTERLOCK_DATA={"hostname": "\x1b[2J", "domain": "x\ny"}']
        document["Name"] = "/evil\x1b[31m"
        path = tmp_path / "hostile.json"
        path.write_text(json.dumps([document]))
        code, out, _ = run("routes", "--from", str(path))
        assert code == 0
        assert "error: " in out
        assert all(line.isprintable() for line in out.splitlines())

    @pytest.mark.parametrize(("version", "case"), CASES)
    def test_hosts_and_servers_are_the_originals_unless_the_difference_is_listed(self, run, tmp_path, version, case):
        given = case["input"]
        path = tmp_path / "containers.json"
        documents = [with_networks(document, given.get("networks", {})) for document in given["containers"]]
        path.write_text(json.dumps(documents))
        override = given.get("ext_config", {}).get("BackendOverrideAddress", "")
        _, out, _ = run("routes", "--from", str(path), "--json", "--backend-override-address", override)
        assert made(json.loads(out)) == expected(version, case)


class Engine(BaseHTTPRequestHandler):
    """Answers what a recorded engine answered, and remembers what it was asked."""

    asked: list[tuple[str, str]]
    answers: dict[str, object]

    def do_GET(self):
        self.asked.append((self.command, self.path))
        path = self.path.partition("?")[0]
        answer = next((self.answers[end] for end in self.answers if path.endswith(end)), None)
        body = json.dumps(answer).encode()
        self.send_response(200 if answer is not None else 404)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def engine(tmp_path):
    """A recorded engine behind a socket, as (URL, what it was asked)."""
    inspected = json.loads(INSPECTED.read_text())
    asked = []
    answers = {
        "/version": json.loads((DATA / "cli" / "version.json").read_text()),
        "/containers/json": json.loads(LISTED.read_text()),
        "/_ping": "OK",
        **{f"/containers/{document['Id']}/json": document for document in inspected},
    }
    handler = type("Recorded", (Engine,), {"asked": asked, "answers": answers})
    path = str(tmp_path / "docker.sock")
    with socketserver.ThreadingUnixStreamServer(path, handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"unix://{path}", asked
        server.shutdown()
        thread.join()


class TestOfEngine:
    def test_the_engine_that_is_named_is_asked_and_nothing_but_gets(self, program, engine):
        url, asked = engine
        code, out, err = program("routes", "--json", "--swarm-url", url)
        assert (code, err) == (0, "")
        (route,) = json.loads(out)["routes"]
        assert route["host"] == "demo.interlock.com"
        assert [(server["name"], server["state"]) for server in route["servers"]] == [
            ("cv1_web_1", "ready"),
            ("cv1_web_2", "ready"),
        ]
        assert {method for method, _ in asked} == {"GET"}
        assert sum(path.partition("?")[0].endswith("/containers/json") for _, path in asked) == 1

    def test_an_engine_that_is_away_is_told_with_a_fix(self, program, tmp_path):
        code, out, err = program("routes", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
        assert (code, out) == (1, "")
        assert err.startswith(f"interlock: cannot open the socket {tmp_path}/none.sock")
        assert "\nfix: " in err

    def test_a_url_that_is_none_is_told_with_a_fix(self, program):
        code, _, err = program("routes", "-s", "ftp://x")
        assert code == 1
        assert "ftp://x" in err
        assert "\nfix: " in err
