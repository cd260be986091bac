"""The demo's images: made from this machine's package sources, or from Docker Hub."""

from pathlib import Path

import state
from engine import Engine
from screen import Screen

from testbed import base_image, images

BASE = "interlock-demo/base"
WEB = "interlock-demo/web"
DATABASE = "interlock-demo/db"
INTERLOCK = "interlock-demo/interlock"
ONLINE_BASE = "python:3.13-slim"
ONLINE_DATABASE = "mongo:7"
EXAMPLES = images.REPOSITORY / "examples"
SECONDS = 900.0
"""A slow line may bring all of it."""


def make(engine: Engine, made: state.State, screen: Screen, *, online: bool) -> None:
    """Make all four, and write down what there will be to remove. Raises ProgramError."""
    pulled = [image for image in (ONLINE_DATABASE, ONLINE_BASE) if online and not engine.docker("images", "-q", image)]
    made.images += [INTERLOCK, WEB, DATABASE, *(pulled if online else [BASE])]
    made.save()
    leftovers = _dangling(engine)
    try:
        _from_hub(engine, screen) if online else _from_here(engine, made, screen)
    finally:
        # Stages of a build that no name holds any more; those that were there before are somebody else's.
        made.images += sorted(_dangling(engine) - leftovers)
        made.save()


def _from_here(engine: Engine, made: state.State, screen: Screen) -> None:
    with screen.step("base image") as step:
        cache = base_image.cache_folder()
        archive = base_image.tarball_path(cache)
        cached = archive.exists()
        if not cached:
            made.archive = str(archive)
            made.save()
        images.import_base(engine, cache, BASE)
        origin = "cached" if cached else "made from this machine's package sources"
        step.tell(f"a small Debian with Python, {origin}")
    with screen.step("images") as step:
        _build(engine, WEB, EXAMPLES / "demo" / "web", BASE, "--network", "none")
        images.build_database(engine, DATABASE, base=BASE)
        images.build_interlock(engine, INTERLOCK, base=BASE)
        step.tell("db, web, interlock; built without a registry")


def _from_hub(engine: Engine, screen: Screen) -> None:
    with screen.step("images from Docker Hub") as step:
        engine.docker("pull", "--quiet", ONLINE_DATABASE, seconds=SECONDS)
        engine.docker("tag", ONLINE_DATABASE, DATABASE)
        _build(engine, WEB, EXAMPLES / "walkthrough" / "web", ONLINE_BASE)
        _build(engine, INTERLOCK, images.REPOSITORY, ONLINE_BASE)
        step.tell("db (MongoDB), web (Flask), interlock")


def _build(engine: Engine, tag: str, folder: Path, base: str, *options: str) -> None:
    command = ["build", "--quiet", "--tag", tag, "--build-arg", f"BASE={base}", *options]
    engine.docker(*command, folder, seconds=SECONDS)


def _dangling(engine: Engine) -> set[str]:
    return set(engine.docker("images", "--quiet", "--no-trunc", "--filter", "dangling=true").split())
