"""Has the scheduler prefer what is measured: a machine that others keep busy is then nearly as good as an idle one."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

MOST_NICE = -20
SHARES = {"cpu/{}/cpu.shares": "262144", "{}/cpu.weight": "10000"}
"""Files of a control group, in version 1 and 2, and the most that each takes."""


def prefer_what_we_started(cgroups: Iterable[str]) -> None:
    """This process, all that came of it, and the containers in these control groups. For root.

    Niceness counts within a session; that of sessions among each other is the autogroup's (sched(7)).
    """
    for process in _tree(Path(f"/proc/{os.getpid()}")):
        with contextlib.suppress(OSError):  # it has ended, or this kernel has no autogroups
            (process / "autogroup").write_text(str(MOST_NICE))
        with contextlib.suppress(OSError):
            for thread in (process / "task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), MOST_NICE)
    for name in cgroups:
        for file, most in SHARES.items():
            with contextlib.suppress(OSError):  # of the other version, or no container was there yet
                Path("/sys/fs/cgroup", file.format(name)).write_text(most)


def _tree(process: Path) -> Iterator[Path]:
    yield process
    with contextlib.suppress(OSError):
        for thread in (process / "task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _tree(Path("/proc", child))
