"""What tests of more than one folder share: a private engine, the images, and the programs around them."""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages; `testbed` is theirs all the same

from testbed import base_image, images
from testbed.agent import AgentKeys, NativeAgent
from testbed.dockerd import PrivateDockerd
from testbed.native import NativeInterlock

BY_AGENT = os.environ.get("INTERLOCK_TEST_BY_AGENT") == "1"

hypothesis.settings.register_profile("interlock", deadline=None)  # a loaded machine takes its time
hypothesis.settings.load_profile("interlock")


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Where log lines go is one setting for the whole process; whatever a test makes of it is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def dockerd() -> Iterator[PrivateDockerd]:
    """A real engine in its own network, for the whole session; tests use `docker`, which cleans up after them."""
    with tempfile.TemporaryDirectory(prefix="interlock-dockerd-") as folder, PrivateDockerd(Path(folder)) as engine:
        yield engine


@pytest.fixture
def docker(dockerd: PrivateDockerd) -> Iterator[Callable[..., str]]:
    """The `docker` command of the session's engine: `docker("run", "-d", web_image)`; raises ProgramError.

    Whatever containers and networks a test leaves are removed.
    """
    yield dockerd.docker
    dockerd.remove_everything()


@pytest.fixture(scope="session")
def base(dockerd: PrivateDockerd) -> str:
    """The image that all others are built from, without a registry."""
    return images.import_base(dockerd, base_image.cache_folder())


@pytest.fixture(scope="session")
def web_image(dockerd: PrivateDockerd, base: str) -> str:
    """`testbed/app/server.py` on port 5000: says who answers, and misbehaves on request."""
    return images.build_web(dockerd)


@pytest.fixture(scope="session")
def database_image(dockerd: PrivateDockerd, base: str) -> str:
    """Something that runs, exposes 27017 and has no route."""
    return images.build_database(dockerd)


@pytest.fixture(scope="session")
def interlock_image(dockerd: PrivateDockerd, base: str) -> str:
    """Interlock as its Dockerfile makes it."""
    return images.build_interlock(dockerd)


@pytest.fixture(scope="session")
def host_agent(dockerd: PrivateDockerd) -> Iterator[tuple[AgentKeys, NativeAgent]]:
    """An agent on the host of the session's engine, and who is let in there."""
    with AgentKeys() as keys, NativeAgent(dockerd, keys) as started:
        yield keys, started


@pytest.fixture
def interlock_native(request: pytest.FixtureRequest) -> Iterator[Callable[..., NativeInterlock]]:
    """Starts Interlock on an engine's host and waits until it is ready: `interlock_native(dockerd)`.

    `by_agent` has it watch an agent there, over mutual TLS, and never the engine's socket; so does the variable
    INTERLOCK_TEST_BY_AGENT=1 for every test. Each is stopped when the test is over: it must still be running then, end
    with code 0 and leave no process behind.
    """
    started: list[NativeInterlock] = []
    agents = contextlib.ExitStack()

    def start(
        engine: PrivateDockerd, *, ready: bool = True, by_agent: bool = BY_AGENT, options: Any = (), **more: str
    ) -> NativeInterlock:
        if by_agent:
            if "dockerd" in request.fixturenames and engine is request.getfixturevalue("dockerd"):
                keys, agent = request.getfixturevalue("host_agent")
            else:
                keys = agents.enter_context(AgentKeys())
                agent = agents.enter_context(NativeAgent(engine, keys))
            native = NativeInterlock(engine, url=agent.url, options=(*keys.options, *options), **more)
        else:
            native = NativeInterlock(engine, options=options, **more)
        started.append(native)
        native.start()
        if ready:
            native.wait_until_ready()
        return native

    yield start
    endings = [(native, native.end_well()) for native in started]
    agents.close()
    for native, complaint in endings:
        assert not complaint, f"{complaint}; its log:\n{native.last_log}"
