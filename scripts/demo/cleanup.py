"""Removes every trace of the demo, in whatever state it was left."""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import engine as engines
import state
from screen import Screen

from testbed.dockerd import PrivateDockerd
from testbed.programs import ProgramError


def remove_everything(screen: Screen) -> bool:
    """Whether there was anything. Raises ProgramError, OSError; what could be removed before that is gone."""
    made = state.load()
    if made is None:
        return False
    remove_demo(screen, made)
    with screen.step("files") as step:
        shutil.rmtree(state.FOLDER)
        if made.archive:
            _remove_archive(Path(made.archive))
        step.tell(f"removed {' and '.join(filter(None, [str(state.FOLDER), made.archive]))}")
    return True


def remove_demo(screen: Screen, made: state.State) -> None:
    """All but the files. Raises ProgramError, OSError."""
    if made.relay is not None and made.relay.lives:
        with screen.step("port of this machine") as step:
            os.kill(made.relay.pid, signal.SIGTERM)
            step.tell("closed")
    if made.is_private:
        _private_engine(screen)
    elif made.engine:
        _from_existing_engine(screen, made)


def _remove_archive(archive: Path) -> None:
    for file in (*archive.parent.glob(f"{archive.stem}*"), archive.parent / "lock"):
        file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # the tests keep something there, too
        archive.parent.rmdir()


def _private_engine(screen: Screen) -> None:
    """Containers, networks and images go with it."""
    with screen.step("private engine") as step:
        closed = PrivateDockerd.close_left(engines.private_folder())
        step.tell("stopped, with its containers, networks and images" if closed else "was not running")


def _from_existing_engine(screen: Screen, made: state.State) -> None:
    engine = engines.Engine(made.engine)
    if not engine.answers:
        raise OSError(f"the engine at {engine.url} does not answer; start it and run make demo-down again")
    project = f"label=com.docker.compose.project={state.PROJECT}"
    kinds: dict[str, tuple[list[str], Callable[[str], object]]] = {
        "containers": (
            ["ps", "--all", "--quiet", "--filter", project],
            lambda key: engine.docker("rm", "--force", "--volumes", key),
        ),
        "networks": (
            ["network", "ls", "--quiet", "--filter", project],
            lambda key: engine.docker("network", "rm", key),
        ),
        "volumes": (
            ["volume", "ls", "--quiet", "--filter", project],
            lambda key: engine.docker("volume", "rm", key),
        ),
    }
    for kind, (listing, remove) in kinds.items():
        with screen.step(kind) as step:
            found = engine.docker(*listing).split()
            for key in found:
                remove(key)
            step.tell(f"removed {len(found)}")
    with screen.step("images") as step:
        removed = [image for image in made.images if _remove_image(engine, image)]
        step.tell(f"removed {len(removed)}")


def _remove_image(engine: engines.Engine, image: str) -> bool:
    """False when it is not there: never made, or gone with another."""
    try:
        engine.docker("rmi", image)
    except ProgramError as error:
        if "No such image" in str(error):
            return False
        raise
    return True
