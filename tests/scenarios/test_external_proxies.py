"""Proxies in containers of their own, configured from outside: Interlock runs none, and they see no Docker socket."""

import json
import re
import signal
import socket
import ssl
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from interlock.proxies.nginx.binary import PROGRAM as NGINX
from interlock.proxies.serving.program import candidates
from testbed import base_image, compose, images
from testbed.dockerd import PrivateDockerd
from testbed.load import Load
from testbed.native import PROGRAM
from testbed.programs import ProgramError, run
from testbed.visits import Site
from testbed.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

HOST = "demo.interlock.com"
DATA = 'INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}'
HOSTILE = 'INTERLOCK_DATA={"hostname":"evil","domain":"interlock.com","balance_algorithm":"x\\n  stats socket /x"}'
PORT = 8080
NEWEST_NGINX = Path(candidates(NGINX, "")[-1])
"""As the stock image has it: without Lua."""
EDGES = {"edge-1": 7601, "edge-2": 7602}
"""Names of proxy containers, and the ports that they publish."""
SECONDS = 60
OTHER = "101:980"
"""Whom docs/external-proxies.md has an NGINX run as that is not root's."""
RATE = 100
"""Requests a second to each proxy."""


class Kind(NamedTuple):
    """What is in a proxy's container, and how it is started, as docs/external-proxies.md has it."""

    label: str
    image: str
    command: str
    user: str = ""
    """Where it is not the image's."""
    is_live: bool = True
    """Whether replicas come and go without a reload."""


_HAPROXY = (
    "until haproxy -c -q -f {place}/haproxy.cfg; do sleep 1; done; "
    "exec haproxy -W -S {place}/run/master.sock,mode,660 -f {place}/haproxy.cfg"
)
_NGINX = (
    'serve="nginx -e stderr -c {place}/nginx.conf"; '
    "rm -f {place}/run/*; until $serve -t -q; do sleep 1; done; exec $serve"
)
KINDS = {
    "haproxy": Kind("haproxy", images.HAPROXY, _HAPROXY),
    "nginx": Kind("nginx", images.NGINX, _NGINX, is_live=False),
    "nginx-lua": Kind("nginx", images.NGINX_LUA, _NGINX, user="101:101"),
}
MIXED = ("haproxy", "nginx")
EVERY_KIND = pytest.mark.parametrize("outside", [(kind, kind) for kind in KINDS], ids=KINDS, indirect=True)
EVERY_PAIR = pytest.mark.parametrize(
    "outside", [*((kind, kind) for kind in KINDS), MIXED], ids=[*KINDS, "both"], indirect=True
)


class Outside:
    """An engine with labelled proxies, a folder that they share with Interlock, and Interlock."""

    def __init__(self, engine, folder, start_interlock, kinds, *, on_the_host=False, **settings):
        """`on_the_host`, a HAProxy and an NGINX share the engine's network, and have ports of their own there."""
        self.engine = engine
        self.docker = engine.docker
        self.address = engine.address
        self.folder = folder
        self.kinds = {name: KINDS[kind] for name, kind in zip(EDGES, kinds, strict=True)}
        self.names = {name: f"{kind.label}@{name}" for name, kind in self.kinds.items()}
        self.on_the_host = on_the_host
        at = dict(zip((kind.label for kind in self.kinds.values()), EDGES.values(), strict=True)) if on_the_host else {}
        ports = {name: str(at.get(kind, PORT)) for kind, name in (("haproxy", "HAPROXY_PORT"), ("nginx", "NGINX_PORT"))}
        self.interlock = start_interlock(
            engine,
            ready=False,
            options=("--plugin", "nginx"),
            INTERLOCK_EXTERNAL_DIR=str(self.folder),
            **ports,
            **settings,
        )

    def run_proxy(self, name, *options):
        kind = self.kinds[name]
        words = ["--name", name, "--hostname", name, "--label", f"interlock.ext.name={kind.label}", *options]
        words += ["--network", "host"] if self.on_the_host else ["--publish", f"{EDGES[name]}:{PORT}"]
        words += ["--user", kind.user] if kind.user else []
        self.docker("run", "--detach", *words, kind.image, "sh", "-c", kind.command.format(place=self.folder / name))

    def run_edges(self):
        for name in EDGES:
            self.run_proxy(name, "--volume", f"{self.folder}:{self.folder}")

    def run_web(self, count):
        words = ["--env", DATA, "--env", "ON_TERM=finish", images.WEB]
        return [self.docker("run", "--detach", *words)[:12] for _ in range(count)]

    def site(self, name, host=HOST):
        return Site(self.address, EDGES[name], host)

    def served(self, *containers):
        """Wait until all proxies send requests to these and to nobody else."""
        for name in EDGES:
            self.served_by(name, *containers)

    def served_by(self, name, *containers):
        site = self.site(name)
        wait_for(
            lambda: set(site.ask(3 * len(containers)).servers) == set(containers),
            f"{containers} behind {name}; log of Interlock:\n{self.interlock.log[-6000:]}",
            seconds=SECONDS,
        )

    def runs_of(self, name):
        """When its run began, and how often it was restarted: what no change of routes may touch."""
        return self.docker("inspect", "--format", "{{.State.StartedAt}} {{.RestartCount}}", name).strip()

    def reloads(self, name):
        """How many it was told to make; that one is over is told only once old workers accept no more."""
        return len(re.findall(rf"\[{self.names[name]}\] reload triggered", self.interlock.log))

    def proxies_once_ready(self):
        """Which proxies there were when Interlock first said that it was ready, and whether each was served."""

        def status():
            try:
                return json.loads(self.interlock_says("status", "--json"))
            except ProgramError:
                return None  # it does not answer yet, or is not ready

        told = wait_for(status, f"Interlock to be ready; its log:\n{self.interlock.log[-6000:]}", seconds=SECONDS)
        return {proxy["name"]: proxy["ready"] for proxy in told["proxies"]}

    def interlock_says(self, *words):
        return run([PROGRAM, "--run-dir", self.interlock.folder / "run", *words], seconds=SECONDS)


@pytest.fixture
def shared_folder():
    """Open to proxies of whatever user. To be asked for before Interlock, which writes into it to its end."""
    with tempfile.TemporaryDirectory(prefix="interlock-external-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def haproxy_image(dockerd, base):
    return images.build_haproxy(dockerd)


@pytest.fixture(scope="module")
def nginx_image(dockerd, base):
    return images.build_nginx(dockerd, NEWEST_NGINX)


@pytest.fixture(scope="module")
def nginx_lua_image(dockerd, base):
    return images.build_nginx_lua(dockerd)


@pytest.fixture(scope="module")
def lasting_engine():
    """One whose containers run on without it."""
    with (
        tempfile.TemporaryDirectory(prefix="interlock-dockerd-") as folder,
        PrivateDockerd(Path(folder), options=("--live-restore",)) as engine,
    ):
        images.import_base(engine, base_image.cache_folder())
        images.build_web(engine)
        images.build_haproxy(engine)
        images.build_nginx(engine, NEWEST_NGINX)
        yield engine


@pytest.fixture
def outside(
    *,
    request,
    dockerd,
    docker,
    web_image,
    haproxy_image,
    nginx_image,
    nginx_lua_image,
    shared_folder,
    interlock_native,
):
    return Outside(dockerd, shared_folder, interlock_native, request.param)


@EVERY_PAIR
def test_two_proxies_are_kept_alike_and_never_restarted(outside):
    outside.run_edges()
    first = outside.run_web(2)
    outside.served(*first)
    runs = [outside.runs_of(name) for name in EDGES]
    reloads = [outside.reloads(name) for name in EDGES]
    loads = [Load(outside.address, port, HOST, rate=RATE) for port in EDGES.values()]
    with loads[0], loads[1]:
        more = outside.run_web(3)
        outside.served(*first, *more)
        for name in more:
            outside.docker("stop", "--time", "10", name)
        outside.served(*first)
    for load, kind in zip(loads, outside.kinds.values(), strict=True):
        assert load.account.failures("GET") == [], load.account
        # A reload follows the signal that ends a container, and no POST that was sent to that is repeated.
        assert len(load.account.failures("POST")) <= (0 if kind.is_live else 2 * len(more)), load.account
        assert load.account.servers >= {*first, *more}
    assert [outside.runs_of(name) for name in EDGES] == runs
    nameless = [line for line in outside.interlock.log.splitlines() if "[haproxy]" in line or "[nginx]" in line]
    assert all("none is run here" in line for line in nameless), nameless
    for (name, kind), before in zip(outside.kinds.items(), reloads, strict=True):
        assert (outside.reloads(name) == before) == kind.is_live, "replicas come and go without a reload, if they can"
    assert all(name in outside.interlock_says("status") for name in outside.names.values())
    for plugin in ("haproxy", "nginx"):
        assert not (outside.interlock.folder / "state" / plugin).exists(), "Interlock runs no proxy of its own"


@EVERY_KIND
def test_a_proxy_that_is_killed_comes_back_as_good_and_holds_up_nobody(outside):
    outside.run_edges()
    first = outside.run_web(1)
    outside.served(*first)
    outside.docker("kill", "edge-1")
    more = outside.run_web(1)
    outside.served_by("edge-2", *first, *more)
    outside.docker("start", "edge-1")
    outside.served_by("edge-1", *first, *more)
    outside.docker("rm", "--force", "edge-1")
    outside.run_proxy("edge-1", "--volume", f"{outside.folder}:{outside.folder}")
    outside.served_by("edge-1", *first, *more)


@EVERY_KIND
def test_proxies_serve_on_without_interlock_and_are_taken_over_by_the_next_one(outside):
    outside.run_edges()
    first = outside.run_web(1)
    outside.served(*first)
    assert outside.interlock.stop() == 0
    outside.docker("restart", "--time", "1", "edge-1")
    outside.served(*first)
    reloads = [outside.reloads(name) for name in EDGES]
    with outside.site("edge-2").visitors() as visitors:
        outside.interlock.start()
        assert outside.proxies_once_ready() == dict.fromkeys(outside.names.values(), True)
        more = outside.run_web(1)
        outside.served(*first, *more)
    assert visitors.tally.is_clean, visitors.tally
    of_the_replica = 0 if outside.kinds["edge-2"].is_live else 1
    assert outside.reloads("edge-2") - reloads[1] == of_the_replica, "it is taken over as it is"


@EVERY_KIND
def test_a_hostile_label_costs_nobody_else_anything(outside):
    outside.run_edges()
    first = outside.run_web(1)
    outside.served(*first)
    outside.docker("run", "--detach", "--env", HOSTILE, images.WEB)
    outside.interlock.wait_for(r"INTERLOCK_DATA.balance_algorithm", seconds=SECONDS)
    more = outside.run_web(1)
    outside.served(*first, *more)
    for name in EDGES:
        for path in (outside.folder / name).glob("*.*"):
            assert path.is_dir() or "socket /x" not in path.read_text()


@EVERY_KIND
def test_a_container_that_does_not_see_the_folder_is_told_how_to(outside):
    outside.run_proxy("edge-1")
    told = outside.interlock.wait_for(rf"{outside.names['edge-1']}: it cannot run: .*", seconds=SECONDS)[0]
    assert f"at the same path: {outside.folder}" in told
    outside.run_proxy("edge-2", "--volume", f"{outside.folder}:{outside.folder}")
    outside.served_by("edge-2", *outside.run_web(1))
    outside.docker("rm", "--force", "edge-1")
    outside.interlock.wait_for(rf"plugin {outside.names['edge-1']}: no longer a problem", seconds=SECONDS)


@pytest.fixture
def lasting(lasting_engine):
    yield lasting_engine
    lasting_engine.remove_everything()


def test_proxies_serve_on_while_the_engine_is_away_and_follow_it_again(lasting, shared_folder, interlock_native):
    stage = Outside(lasting, shared_folder, interlock_native, MIXED, on_the_host=True)
    stage.run_edges()
    first = stage.run_web(2)
    stage.served(*first)
    runs = [stage.runs_of(name) for name in EDGES]
    one, two = (stage.site(name) for name in EDGES)
    with one.visitors() as at_one, two.visitors() as at_two:
        lasting.stop()
        stage.interlock.wait_for("engine docker is lost", seconds=SECONDS)
        for visitors in (at_one, at_two):
            wait_for(lambda visitors=visitors: len(visitors.tally.answers) > 500, "visitors", seconds=SECONDS)
        lasting.start()
        stage.served(*first, *stage.run_web(1))
    assert at_one.tally.is_clean, at_one.tally
    assert at_two.tally.is_clean, at_two.tally
    assert [stage.runs_of(name) for name in EDGES] == runs


def test_certificates_are_served_and_renewed_without_a_restart(
    *, dockerd, docker, web_image, haproxy_image, nginx_image, shared_folder, interlock_native, tmp_path
):
    authority, https = trustme.CA(), {"HAPROXY_SSL_PORT": 7611, "NGINX_SSL_PORT": 7612}

    def renew():
        issued = authority.issue_cert(HOST)
        issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / f"{HOST}.pem"))
        return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())

    def all_show(certificate):
        for port in https.values():
            wait_for(lambda port=port: _shown(dockerd.address, port) == certificate, "the certificate", seconds=SECONDS)

    first = renew()
    settings = {"HAPROXY_SSL_CERT": str(tmp_path), "NGINX_SSL_CERT_DIR": str(tmp_path)}
    settings |= {name: str(port) for name, port in https.items()}
    stage = Outside(dockerd, shared_folder, interlock_native, MIXED, on_the_host=True, **settings)
    stage.run_edges()
    stage.served(*stage.run_web(1))
    runs = [stage.runs_of(name) for name in EDGES]
    all_show(first)
    second = renew()
    stage.interlock.send(signal.SIGHUP)
    all_show(second)
    assert [stage.runs_of(name) for name in EDGES] == runs


def _shown(address, port):
    """The certificate that a proxy shows for the host; b"" where it shows none."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), timeout=SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=HOST) as secured,
        ):
            return secured.getpeercert(binary_form=True)
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("files", "user"),
    [
        (("compose.yaml",), ""),
        (("compose.yaml", "compose.nginx.yaml"), ""),
        (("compose.yaml", "compose.nginx.yaml"), OTHER),
    ],
    ids=["haproxy", "nginx", "nginx-unprivileged"],
)
def test_the_example_serves_with_a_proxy_that_sees_no_engine(
    *, dockerd, haproxy_image, nginx_image, web_image, interlock_image, files, user, tmp_path
):
    folder = images.REPOSITORY / "examples" / "external"
    paths = [folder / file for file in files]
    if user:
        paths.append(tmp_path / "user.yaml")
        paths[-1].write_text(f'services: {{edge: {{user: "{user}"}}}}\n')
    here = {
        "HAPROXY_IMAGE": haproxy_image,
        "NGINX_IMAGE": nginx_image,
        "WEB_IMAGE": web_image,
        "INTERLOCK_IMAGE": interlock_image,
        "INTERLOCK_PORT": "7603",
        "SWARM_URL": dockerd.tcp_url,
    }
    example = compose.Compose(dockerd, *paths, project="external", **here)
    site = Site(dockerd.address, 7603, HOST)

    def is_served():
        """By every worker: for a moment after a reload one that does not know the site yet may take a request."""
        tally = site.ask(40)
        return tally.is_clean and set(tally.servers) == {key[:12] for key in example.containers("web").values()}

    try:
        example.up()
        wait_for(is_served, "the site", seconds=SECONDS)
        with site.visitors() as visitors:
            example.scale("web", 5)
            wait_for(is_served, "five of five", seconds=SECONDS)
        assert visitors.tally.is_clean, visitors.tally
        (edge,) = example.containers("edge")
        assert dockerd.docker("inspect", "--format", "{{.RestartCount}}", edge).strip() == "0"
        assert "docker.sock" not in dockerd.docker("inspect", "--format", "{{json .Mounts}}", edge)
        (interlock,) = example.containers("interlock")
        user = dockerd.docker("exec", interlock, "sh", "-c", "grep ^Uid: /proc/1/status").split()[1]
        assert user == "980", "Interlock needs not be root for it"
    finally:
        example.down()
