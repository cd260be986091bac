"""The walk-through of the original Interlock, live: up, one answers; scale, five answer."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import chronicle
import engine as engines
import pictures
import ports
import state
from engine import Engine
from screen import Screen

from testbed import compose
from testbed.compose import Compose
from testbed.programs import ProgramError
from testbed.visits import Site, Tally

HOST = "demo.interlock.com"
REPLICAS = 5
REQUESTS = 200
SECONDS = 60.0
FILES = {1: ("docker-compose.v1.yml", "socket.v1.yml"), 2: ("compose.yaml", "socket.yaml")}
"""By Compose's generation: the story, and what is added to it for an engine that is reached by its socket."""


class Story:
    """One run of it."""

    def __init__(self, screen: Screen, made: state.State) -> None:
        self._screen = screen
        self._made = made
        self._compose: Compose | None = None

    def tell(self) -> None:
        """From nothing to five containers behind one name. Raises ProgramError, OSError."""
        engine = self._engine()
        pictures.make(engine, self._made, self._screen, online=_online())
        port = ports.free_port(ports.LOCAL if engine.private else engine.address)
        variables = self._variables(engine, port)
        site = Site(engine.address, int(variables["INTERLOCK_PORT"]), HOST)
        self._compose = Compose(engine, *_files(engine), project=state.PROJECT, **variables)
        self._up(self._compose, site)
        if engine.private:
            self._made.relay = ports.start_relay(port, engine.address)
            self._made.save()
            site = Site(ports.LOCAL, port, HOST)
        self._scale(engine, self._compose, site)
        _write_environment(engine, variables)
        self._what_now(site)

    def log_tail(self) -> str:
        """The last of Interlock's log, where it got so far."""
        if self._compose is None:
            return ""
        try:
            lines = self._compose("logs", "--no-color", "--tail", "30", "interlock").splitlines()
        except ProgramError as error:
            return str(error)
        return "\n".join(line for line in lines if not line.startswith("Attaching to"))

    def _engine(self) -> Engine:
        with self._screen.step("Docker engine") as step:
            found = engines.existing()
            if found is None and _online():
                raise OSError("DEMO_ONLINE=1 needs a Docker engine that runs: systemctl start docker")
            self._made.is_private = found is None
            self._made.engine = found.where if found else engines.private_place()
            self._made.save()
            engine = found or engines.start_private()
            kind = "the one that runs here" if found else "a private one, since none answers"
            step.tell(f"{engine.version}, {kind}")
        if found is None and "DOCKER_HOST" in os.environ:
            self._screen.note(f"nobody answers at DOCKER_HOST={os.environ['DOCKER_HOST']}")
        return engine

    @staticmethod
    def _variables(engine: Engine, port: int) -> dict[str, str]:
        published = 80 if engine.private else port
        return {
            "INTERLOCK_PORT": str(published),
            "SWARM_URL": engine.swarm_url,
            "DOCKER_SOCKET": engine.socket,
            "COMPOSE_API_VERSION": "auto",  # its old file format asks for an API that new engines no longer speak
        }

    def _up(self, project: Compose, site: Site) -> None:
        with self._screen.step("docker-compose up -d") as step:
            project.up()
            step.tell("db, web, interlock")
        with self._screen.step(HOST) as step:
            tally = site.ask_until(lambda tally: bool(tally.servers), most=100_000, seconds=SECONDS)
            if not tally.servers:
                raise OSError(f"{HOST} did not answer within {SECONDS:g} s: {_last(tally)}")
            step.tell("answers, from one container")

    def _scale(self, engine: Engine, project: Compose, site: Site) -> None:
        reloads = chronicle.reloads(_log(engine, project))
        with self._screen.step(f"docker-compose scale web={REPLICAS}") as step:
            project.scale("web", REPLICAS)
            containers = project.containers("web")
            names = {key[:12]: name for name, key in containers.items()}
            seen = site.ask_until(lambda tally: len(tally.servers) >= REPLICAS, most=100_000, seconds=SECONDS)
            step.tell(f"{len(seen.servers)} of {REPLICAS} containers answer")
        tally = site.ask(REQUESTS)
        self._screen.who_answered(names, tally.servers)
        if set(seen.servers) != set(names):
            raise OSError(f"only {len(seen.servers)} of {REPLICAS} containers answered: {_last(seen)}")
        if not tally.is_clean:
            raise OSError(f"{REQUESTS} requests were not all answered with 200: {dict(tally.statuses)}")
        log = _log(engine, project)
        self._screen.sentence(
            f"{len(tally.servers)} of {REPLICAS} containers seen through {HOST}, {REQUESTS} requests, none lost, "
            f"{chronicle.reloads(log) - reloads} reloads of HAProxy."
        )
        newest = max(containers)
        self._screen.quote(f"What Interlock's log says of {newest}", chronicle.told(log, newest, containers[newest]))

    def _what_now(self, site: Site) -> None:
        machine = "localhost" if site.address == ports.LOCAL else site.address
        port = "" if site.port == ports.CANDIDATES[0] else f":{site.port}"
        password = "docker-compose exec -T interlock cat /var/lib/interlock/haproxy/stats-password"
        name = f"echo '{site.address} {HOST}' >> /etc/hosts"
        self._screen.commands(
            "What to open",
            [
                ("the site", f"curl -H 'Host: {HOST}' http://{machine}{port}/"),
                (f"or in a browser, http://{HOST}{port}/ once this machine knows the name", name),
                (
                    "HAProxy's statistics, as user stats with the password below",
                    f"http://{machine}{port}/haproxy?stats",
                ),
            ],
        )
        self._screen.commands(
            "What to type next",
            [
                (
                    "let docker and docker-compose speak with the demo's engine and project",
                    f". {_short(state.FOLDER / 'env')}",
                ),
                ("scale back; or up", "docker-compose scale web=2"),
                ("see what Interlock does about it", "docker-compose logs -f interlock"),
                ("the password of the statistics page", password),
                ("remove every trace of the demo", "make demo-down"),
            ],
        )


def _log(engine: Engine, project: Compose) -> str:
    """All that Interlock's container said."""
    return engine.docker("logs", next(iter(project.containers("interlock"))))


def _files(engine: Engine) -> list[Path]:
    story, socket = FILES[min(compose.generation(), max(FILES))]
    folder = pictures.EXAMPLES / "demo"
    return [folder / story] if engine.private else [folder / story, folder / socket]


def _write_environment(engine: Engine, variables: Mapping[str, str]) -> None:
    exports = {
        **engine.where,
        "COMPOSE_PROJECT_NAME": state.PROJECT,
        "COMPOSE_FILE": ":".join(str(file) for file in _files(engine)),
        **variables,
    }
    lines = [f"export {key}={shlex.quote(value)}\n" for key, value in exports.items()]
    (state.FOLDER / "env").write_text("".join(lines), "utf-8")


def _short(path: Path) -> Path:
    """From here, if it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _online() -> bool:
    return os.environ.get("DEMO_ONLINE", "") not in {"", "0"}


def _last(tally: Tally) -> str:
    """What the last request got, in a few words."""
    answer = tally.answers[-1]
    return answer.error or f"HTTP status {answer.status}"
