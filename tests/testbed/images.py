"""The images of the tests and of the demo, built without a registry or a network."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from testbed.base_image import base_tarball, python_version
from testbed.programs import run

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = "interlock-testbed/base"
WEB = "interlock-testbed/web"
DATABASE = "interlock-testbed/db"
INTERLOCK = "interlock-testbed/interlock"
HAPROXY = "interlock-testbed/haproxy"
NGINX = "interlock-testbed/nginx"
NGINX_LUA = "interlock-testbed/nginx-lua"
SECONDS = 300.0

_CONTEXT = ("Dockerfile", "pyproject.toml", "uv.lock", "README.md", "LICENSE", "src", "scripts")
"""What the Dockerfile needs of the repository, by what .dockerignore lets through."""


class Engine(Protocol):
    """Whoever runs a `docker` command for us."""

    def docker(self, *words: str | Path, seconds: float = ...) -> str: ...


def import_base(engine: Engine, folder: Path, tag: str = BASE) -> str:
    """The base of all others, made in `folder` unless it is there already."""
    engine.docker("import", "--change", "ENV LANG=C.UTF-8", base_tarball(folder), tag, seconds=SECONDS)
    return tag


def build_web(engine: Engine) -> str:
    """The web application of the tests."""
    return _build(
        engine,
        WEB,
        f'FROM {BASE}\nCOPY server.py /server.py\nEXPOSE 5000\nCMD ["python3", "/server.py"]\n',
        Path(__file__).parent / "app" / "server.py",
    )


def build_database(engine: Engine, tag: str = DATABASE, *, base: str = BASE) -> str:
    """A stand-in for a database: something that runs, exposes 27017 and has no route."""
    command = '["/bin/sh", "-c", "trap exit TERM; while :; do sleep 3600 & wait $!; done", "db"]'
    return _build(engine, tag, f"FROM {base}\nEXPOSE 27017\nENTRYPOINT {command}\n")


def build_haproxy(engine: Engine, tag: str = HAPROXY, *, base: str = BASE) -> str:
    """This machine's HAProxy in a container, as the stock image has it: run by nobody special, stopped softly."""
    program = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert program is not None, "haproxy is not installed"
    return _build_proxy(engine, tag, Path(program), base=base, settings="USER 99:99\nSTOPSIGNAL SIGUSR1\n")


def build_nginx(engine: Engine, program: Path, tag: str = NGINX, *, base: str = BASE) -> str:
    """An NGINX in a container, as the stock image has it: run by root, stopped softly."""
    return _build_proxy(engine, tag, program, base=base, settings="STOPSIGNAL SIGQUIT\n", target="/usr/sbin/nginx")


def build_nginx_lua(engine: Engine, tag: str = NGINX_LUA, *, base: str = BASE) -> str:
    """The system's NGINX with its Lua module, as on Debian."""
    more = (*Path("/usr/lib/nginx/modules").glob("n*_http_*module.so"), Path("/usr/share/lua"))
    return _build_proxy(engine, tag, Path("/usr/sbin/nginx"), base=base, settings="STOPSIGNAL SIGQUIT\n", more=more)


def _build_proxy(
    engine: Engine,
    tag: str,
    program: Path,
    *,
    base: str,
    settings: str,
    target: str = "",
    more: Iterable[Path] = (),
) -> str:
    """A program of this machine (as `target`, else where it is here), and other files and folders of it."""
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        root = context / "files"
        _copy_program(program, root, target or str(program))
        for path in more:
            if path.is_dir():
                shutil.copytree(path, root / str(path).lstrip("/"))
            else:
                _copy_program(path, root, str(path))
        (context / "Dockerfile").write_text(f"FROM {base}\nCOPY files/ /\n{settings}", "utf-8")
        engine.docker("build", "--quiet", "--tag", tag, "--network", "none", context, seconds=SECONDS)
    return tag


def _copy_program(program: Path, root: Path, target: str) -> None:
    """A program or a library of this machine, and the libraries that it needs, where they are here."""
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout  # 1 for a static one
    _copy(program, root / target.lstrip("/"))
    for library in map(Path, re.findall(r"=> (/\S+)", linked)):
        _copy(library, root / str(library.parent.resolve() / library.name).lstrip("/"))  # /lib is a link to /usr/lib


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def build_interlock(engine: Engine, tag: str = INTERLOCK, *, base: str = BASE) -> str:
    """Interlock's own image, from the Dockerfile that everybody uses."""
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for name in _CONTEXT:
            source = REPOSITORY / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, context / name)
        install_site(context / "site")
        arguments = ["--build-arg", f"BASE={base}", "--network", "none"]
        engine.docker("build", "--quiet", "--tag", tag, *arguments, context, seconds=SECONDS)
    return tag


def install_site(folder: Path) -> None:
    """Interlock and all it needs, for the Python of the base image, at the versions of uv.lock."""
    uv = _uv()
    project = ["--project", REPOSITORY]
    locked = run([uv, "export", *project, "--frozen", "--quiet", "--no-dev", "--all-extras", "--no-emit-project"])
    target = ["--quiet", "--target", folder, "--python-version", python_version(), "--no-deps"]
    wheels_only = ["--only-binary", ":all:", "--require-hashes", "--requirement", "-"]
    run([uv, "pip", "install", *target, *wheels_only], stdin=locked.encode(), seconds=SECONDS)
    run([uv, "pip", "install", *target, REPOSITORY], seconds=SECONDS)


def _uv() -> str:
    """The one on PATH, or the one that scripts/install-python brought."""
    tools = f"{REPOSITORY}/.tools/bin"
    return shutil.which("uv") or shutil.which("uv", path=tools) or "uv"


def _build(engine: Engine, tag: str, dockerfile: str, *files: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        (context / "Dockerfile").write_text(dockerfile, "utf-8")
        for file in files:
            shutil.copy2(file, context / file.name)
        engine.docker("build", "--quiet", "--tag", tag, "--network", "none", context, seconds=SECONDS)
    return tag
