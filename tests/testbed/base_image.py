"""A small Debian with Python as an image, made from this machine's own package sources and nothing else."""

import fcntl
import hashlib
import os
from pathlib import Path

from testbed.programs import ProgramError, run

PACKAGES = "python3,zlib1g"
NOT_NEEDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
SECONDS = 600.0


def cache_folder() -> Path:
    """Where what took long is kept from one run to the next; ``INTERLOCK_CACHE`` names another place."""
    return Path(os.environ.get("INTERLOCK_CACHE", "/var/cache/interlock-base"))


def base_tarball(folder: Path) -> Path:
    """The image's files as a tar archive, made once a folder. Raises ProgramError.

    mmdebstrap takes about half a minute; whoever comes meanwhile waits for it.
    """
    tarball = tarball_path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tarball.exists():
            unfinished = tarball.with_suffix(".unfinished.tar")
            _bootstrap(*_release(), unfinished)
            unfinished.rename(tarball)
    return tarball


def tarball_path(folder: Path) -> Path:
    """Where that archive is in a folder, once it is made; another recipe or point release has another name."""
    codename, family = _release()
    point_release = Path("/etc/debian_version").read_text("utf-8").strip()
    recipe = hashlib.sha256(f"{PACKAGES} {NOT_NEEDED} {point_release}".encode()).hexdigest()[:8]
    return folder / f"{family}-{codename}-{recipe}.tar"


def python_version() -> str:
    """Of the Python in the image, which is this machine's own: ``3.11``."""
    return run(["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).strip()


def _bootstrap(codename: str, family: str, tarball: Path) -> None:
    keyring = Path(f"/usr/share/keyrings/{family}-archive-keyring.gpg")
    signed = f"[signed-by={keyring}] " if keyring.exists() else ""
    line = f"deb {signed}$(REPO_URI) $(RELEASE) $(COMPONENT)"
    which = ["Created-By: Packages", f"Origin: {family.capitalize()}"]
    sources = run(["apt-get", "indextargets", "--format", line, *which])
    if not sources.strip():
        raise ProgramError(f"apt-get has no package list of {family}; run: apt-get update")
    excluded = [f"--dpkgopt=path-exclude={path}" for path in NOT_NEEDED]
    variant = ["--quiet", "--mode=root", "--variant=essential", f"--include={PACKAGES}"]
    run(["mmdebstrap", *variant, *excluded, codename, tarball, "-"], stdin=sources.encode(), seconds=SECONDS)


def _release() -> tuple[str, str]:
    """Codename and family: ``bookworm``, ``debian``."""
    lines = Path("/etc/os-release").read_text("utf-8").splitlines()
    fields = {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}
    try:
        return fields["VERSION_CODENAME"], fields["ID"]
    except KeyError as error:
        raise ProgramError(f"/etc/os-release has no {error.args[0]}; is this Debian or Ubuntu?") from None
