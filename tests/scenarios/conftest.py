"""The stage of the scenarios: an application under Compose, and Interlock beside it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from testbed import base_image, compose, images
from testbed.dockerd import PUBLIC_API_PORT, PrivateDockerd
from testbed.native import NativeInterlock
from testbed.visits import Site
from testbed.waiting import wait_for

HOST = "demo.interlock.com"


WALK_THROUGH = {
    "db": {"image": images.DATABASE, "expose": ["27017"]},
    "web": {
        "image": images.WEB,
        "environment": ['INTERLOCK_DATA={"hostname":"demo","domain":"interlock.com"}'],
        "ports": ["5000"],
        "links": ["db:db"],
    },
}
"""The original's walk-through; the engine that a test brings along has no Interlock in it."""


class Stage:
    """One application, one Interlock, and who visits."""

    def __init__(self, application: compose.Compose, interlock: NativeInterlock) -> None:
        self.application = application
        self.interlock = interlock
        self.site: Site = interlock.site(HOST)

    def names(self, service: str = "web") -> dict[str, str]:
        """Who should answer, as the web application tells it, and the names of those containers."""
        return {key[:12]: name for name, key in self.application.containers(service).items()}

    def wait_for_all(self, *, site: Site | None = None, service: str = "web") -> None:
        """Until every container of a service has been seen through the proxy, and nobody else is any more."""
        expected = set(self.names(service))
        asked = site or self.site
        wait_for(
            lambda: asked.get().status == 200 and set(asked.ask(4 * len(expected)).servers) == expected,
            f"{expected} behind {asked.host}; log of Interlock:\n{self.interlock.log}",
            seconds=30,
        )


@pytest.fixture
def variables() -> dict[str, str]:
    """What Interlock's environment has beside the usual; a module may have its own."""
    return {}


@pytest.fixture
def stage(
    *,
    dockerd: PrivateDockerd,
    docker: Callable[..., str],
    web_image: str,
    database_image: str,
    interlock_native: Callable[..., NativeInterlock],
    variables: dict[str, str],
    tmp_path: Path,
) -> Stage:
    """Interlock runs, `docker-compose up -d` has been done, and demo.interlock.com answers."""
    interlock = interlock_native(dockerd, **variables)
    application = compose.Compose(dockerd, compose.write_file(tmp_path, WALK_THROUGH), project="walk")
    application.up()
    there = Stage(application, interlock)
    there.wait_for_all()
    return there


@pytest.fixture(scope="session")
def two_engines() -> Iterator[list[PrivateDockerd]]:
    """Two real engines, whose API and published ports this machine reaches; tests use `pair`."""
    options = ("--host", f"tcp://0.0.0.0:{PUBLIC_API_PORT}")
    with ExitStack() as stack:
        made = []
        for _ in range(2):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="interlock-dockerd-"))
            engine = stack.enter_context(PrivateDockerd(Path(folder), options=options))
            images.import_base(engine, base_image.cache_folder())
            images.build_web(engine)
            made.append(engine)
        yield made


@pytest.fixture
def pair(two_engines: list[PrivateDockerd]) -> Iterator[list[PrivateDockerd]]:
    """The two engines, without what a test has left."""
    yield two_engines
    for engine in two_engines:
        engine.remove_everything()


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a measured value where whoever runs the tests sees it, whether they pass or fail."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n    {text}")  # noqa: T201 - telling whoever runs the tests is the point

    return say
