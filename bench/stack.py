"""The programs of one measurement: containers' answers, engine, Interlock with its HAProxy. Each ends by its pid."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import fleet
from gauges import Control, Runtime, Web, family, processes_of, until

HERE = Path(__file__).parent
ECHO = """\
global
    maxconn 8000
defaults
    mode http
    timeout client 1m
    timeout server 1m
    timeout connect 1s
    timeout http-keep-alive 1m
frontend containers
    bind 0.0.0.0:{port}
    http-request return status 200 content-type text/plain string "ok" hdr X-Container %[dst]
"""
"""All containers: one process, far faster than the proxy before it."""


class Stack:
    """One running set, with N containers."""

    def __init__(self, folder: Path, containers: int) -> None:
        self.folder = folder
        self.containers = containers
        self.port = free_port()
        self.tls_port = free_port()
        self.engine_socket = folder / "docker.sock"
        self.admin_socket = folder / "run" / "haproxy" / "admin.sock"
        self.log = folder / "interlock.log"
        self.started_at = 0.0
        self.control: Control
        self.engine_pid = 0
        self.interlock_pid = 0
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.admin_socket)

    @property
    def web(self) -> Web:
        return Web(self.port)

    def start_echo(self) -> None:
        config = self.folder / "echo.cfg"
        config.write_text(ECHO.format(port=fleet.PORT))
        self._start([haproxy(), "-q", "-db", "-f", str(config)])
        until(lambda: Web(fleet.PORT).status("x") == 200, pause=0.01)

    def start_engine(self) -> None:
        control = self.folder / "control.sock"
        options = ["--containers", str(self.containers), "--proxy-port", str(self.port)]
        options += ["--socket", str(self.engine_socket), "--control", str(control)]
        engine = self._start([sys.executable, str(HERE / "fake_engine.py"), *options], stdout=subprocess.PIPE)
        assert engine.stdout is not None
        engine.stdout.readline()
        self.engine_pid = engine.pid
        self.control = Control(control)

    def start_interlock(self, plugin: str = "haproxy") -> None:
        """Start it; whether it is ready is for :meth:`wait_until_ready` to find out. It serves HTTPS, too."""
        environment = os.environ | {
            "HAPROXY_PORT": str(self.port),
            "HAPROXY_SSL_PORT": str(self.tls_port),
            "HAPROXY_SSL_CERT": str(self.certificate),
            "HAPROXY_BINARY": haproxy(),
            "NGINX_BINARY": nginx(),
            "NGINX_PORT": str(self.port),
            "NGINX_SSL_PORT": str(self.tls_port),
            "NGINX_SSL_CERT_DIR": str(self.certificate.parent),
            "INTERLOCK_STATE_DIR": str(self.folder / "state"),
            "INTERLOCK_RUN_DIR": str(self.folder / "run"),
        }
        program = Path(sys.executable).parent / "interlock"
        argv = [str(program), "--swarm-url", f"unix://{self.engine_socket}", "--plugin", plugin, "start"]
        self.started_at = time.monotonic()
        with self.log.open("wb") as log:
            self.interlock_pid = self._start(argv, env=environment, stderr=log).pid

    def wait_until_ready(self, seconds: float = 120) -> float:
        """Seconds from the start of Interlock until the last host answers."""
        web = self.web
        at = until(lambda: web.status(self.host(self.containers)) == 200, seconds=seconds, pause=0.002)
        return at / 1e9 - self.started_at

    def start_floor(self) -> None:
        argv = [sys.executable, str(HERE / "floor.py"), "--engine", str(self.engine_socket)]
        floor = self._start([*argv, "--haproxy", str(self.admin_socket)], stdout=subprocess.PIPE)
        assert floor.stdout is not None
        floor.stdout.readline()

    def start(self, *argv: str, environment: dict[str, str] | None = None) -> int:
        """Another program that belongs to this measurement; its pid. What it says goes to a log of its own."""
        with (self.folder / f"{Path(argv[0]).name}.log").open("ab") as log:
            return self._start(list(argv), env=environment, stdout=log, stderr=log).pid

    def proxy_pids(self) -> list[int]:
        return family(self.interlock_pid)[1:]

    @staticmethod
    def host(number: int) -> str:
        return f"h{number}.{fleet.DOMAIN}"

    @staticmethod
    def backend(host: str) -> str:
        return f"{host}.{fleet.DOMAIN}".replace(".", "_")

    def stop(self) -> None:
        """In the reverse order of their start; what they started themselves, and left, is ended too."""
        for process in reversed(self._running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for pid in processes_of(self.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @cached_property
    def certificate(self) -> Path:
        """One that signs itself, with its key: for P-256, as most certificates are today. Made when first asked for."""
        path = self.folder / "certificates" / "default.pem"
        path.parent.mkdir()
        kind = ["-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=bench"]
        argv = ["openssl", "req", "-batch", *kind, "-days", "2", "-keyout", str(path), "-out", str(path)]
        made = subprocess.run(argv, capture_output=True, text=True, check=False)
        if made.returncode:
            sys.exit(f"bench: openssl made no certificate: {made.stderr}")
        path.chmod(0o644)  # proxies are not root
        return path

    def _start(self, argv: list[str], **options: object) -> "subprocess.Popen[bytes]":
        """In a process group of its own, so that it can be ended with all that it started."""
        process = subprocess.Popen(argv, start_new_session=True, **options)  # type: ignore[call-overload]  # passed through
        self._running.append(process)
        return process


@contextlib.contextmanager
def stack(containers: int, *, ready: bool = True) -> Iterator[Stack]:
    """A running stack; with `ready`, one that serves every host already."""
    folder = Path(tempfile.mkdtemp(prefix="ilb-"))
    folder.chmod(0o755)
    made = Stack(folder, containers)
    try:
        made.start_echo()
        made.start_engine()
        if ready:
            made.start_interlock()
            made.wait_until_ready()
        yield made
    finally:
        made.stop()
        if "BENCH_KEEP" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def haproxy() -> str:
    """The HAProxy to measure with: HAPROXY_BINARY, else the one that Interlock would take."""
    found = os.environ.get("HAPROXY_BINARY") or shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if found is None:
        sys.exit("bench: no haproxy found; fix: apt-get install haproxy, or set HAPROXY_BINARY")
    return found


def nginx() -> str:
    """The NGINX to measure with: NGINX_BINARY, else that of the system; "" where there is none."""
    return os.environ.get("NGINX_BINARY") or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or ""
