"""A proxy's files: the configuration, a candidate for its check, and the last good state that all comes back from."""

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from interlock.core.problems import PermanentError
from interlock.host import files
from interlock.host.process import Identity, group_name
from interlock.proxies.serving.sites import LastGood, Site, written

LONGEST_SOCKET_PATH = 96
"""Characters: the kernel allows 107, and a proxy may bind under a longer temporary name first."""


class Disk:
    """The files of one proxy. Its configuration is one file that may include others, which are beside it."""

    def __init__(
        self, state_dir: Path, run_dir: Path, identity: Identity | None, *, name: str, config_path: str
    ) -> None:
        """`name` is what the configuration is usually called, `config_path` where the operator wants it."""
        self.identity = identity
        self.group = identity.gid if identity is not None else -1
        self.state_dir = files.folder(state_dir, group=self.group)
        self.run_dir = files.folder(run_dir, mode=0o770, group=self.group)
        self.config = Path(config_path) if config_path else state_dir / name
        self.candidate = files.folder(state_dir / "candidate", group=self.group) / name
        self.last_good = state_dir / "last-good.json"
        self.lock = run_dir / "interlock.lock"
        """Held by the Interlock that drives the proxy."""

    def within_reach(self, path: str) -> str:
        """Where the proxy reads a file of this machine."""
        return path

    def write_candidate(self, texts: Mapping[str, str]) -> None:
        """Write everything for the proxy's check; nothing that runs reads it. The last text is the main one."""
        self._write_set(self.candidate, texts)

    def write(self, texts: Mapping[str, str], generation: str, sites: tuple[Site, ...]) -> None:
        """Replace the configuration that a start would load.

        All of it is made anew from the last good state at each start, so only that has to survive a power cut.
        """
        self._write_set(self.config, texts)
        files.write(self.last_good, written(generation, sites), mode=0o600)

    def snapshot(self, names: Iterable[str]) -> dict[Path, str]:
        """What a start would load, to be put back by :meth:`restore`; `names` are those of the texts."""
        paths = (self.last_good, *self._paths(self.config, names))
        return {path: text for path in paths if (text := files.read(path)) is not None}

    def restore(self, snapshot: Mapping[Path, str]) -> None:
        for path, text in snapshot.items():
            mode = 0o600 if path == self.last_good else 0o640
            files.write(path, text, mode=mode, group=self.group)

    def read_last_good(self) -> LastGood:
        """The last good state; an empty one where there is none.

        Raises:
            PermanentError: the file is not ours or was damaged.
        """
        text = files.read(self.last_good)
        if text is None:
            return LastGood()
        try:
            return msgspec.json.decode(text, type=LastGood)
        except msgspec.DecodeError as error:
            raise PermanentError(f"{self.last_good} is damaged: {error}", fix="delete it") from error

    def check_reachable(self, name: str, socket: Path) -> None:
        """See that the proxy, called `name`, can bind its socket and read its files as the user that it runs as.

        Raises:
            PermanentError: it cannot.
        """
        if len(str(socket)) > LONGEST_SOCKET_PATH:
            raise PermanentError(
                f"{self.run_dir} is too long a path for a socket", fix="set INTERLOCK_RUN_DIR to a shorter one"
            )
        if self.identity is None:
            return
        for parent in (*self.config.resolve().parents, *self.run_dir.resolve().parents):
            status = parent.stat()
            allowed = stat.S_IXOTH if status.st_gid != self.group else stat.S_IXGRP
            if not status.st_mode & allowed:
                raise PermanentError(
                    f"{name} runs as {self.identity.name}, who cannot enter {parent}",
                    fix=f"chmod o+x {parent}, or set INTERLOCK_STATE_DIR and INTERLOCK_RUN_DIR to open folders "
                    f"(group {group_name(self.group)})",
                )

    def _write_set(self, config: Path, texts: Mapping[str, str]) -> None:
        for path, text in zip(self._paths(config, texts), texts.values(), strict=True):
            files.write(path, text, group=self.group, lasting=False)

    @staticmethod
    def _paths(config: Path, names: Iterable[str]) -> list[Path]:
        *others, _ = names
        return [*(config.parent / name for name in others), config]
