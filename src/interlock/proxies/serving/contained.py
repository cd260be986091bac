"""A proxy in a container of the operator's: what must be there before anything is written for it."""

import os
from pathlib import Path

from interlock.core.problems import PermanentError, shown
from interlock.host import files
from interlock.host.process import Identity
from interlock.proxies.contract import ProxyContainer
from interlock.proxies.serving import program
from interlock.proxies.serving.disk import LONGEST_SOCKET_PATH
from interlock.proxies.serving.program import Binary, Program

LOOK_SECONDS = 10.0
"""For a question to the container that takes no time."""


class SharedFiles:
    """Mixed into the files of a proxy whose container sees their folder under the same path.

    What is above that folder is another world there. What only Interlock may write is in no folder of the proxy's.
    """

    state_dir: Path
    run_dir: Path
    group: int

    def within_reach(self, path: str) -> str:
        """A copy beside the configuration; what we cannot read is left to the proxy's check to refuse."""
        text = files.read(Path(path)) if path else None
        if text is None:
            return path
        copy = files.folder(self.state_dir / "copies", group=self.group) / Path(path).name
        files.write(copy, text, group=self.group, lasting=False)
        return str(copy)

    def check_length(self, socket: Path) -> None:
        """Raises PermanentError where no socket can have that path."""
        if len(str(socket)) > LONGEST_SOCKET_PATH:
            raise PermanentError(
                f"{self.run_dir} is too long a path for a socket",
                fix="set INTERLOCK_EXTERNAL_DIR to a shorter one, or give the proxy's container a shorter hostname",
            )


async def binary_in(container: ProxyContainer, wanted: Program) -> Binary:
    """The program that a container has of this kind.

    Raises:
        PermanentError: there is none in it, or an old one.
        TemporaryError: the container does not run.
    """
    answer = await container.run([wanted.name, wanted.question], seconds=LOOK_SECONDS)
    return program.judged(wanted, wanted.name, answer)


async def identity_in(container: ProxyContainer) -> Identity:
    """Whom the container's programs run as.

    Raises:
        PermanentError: it does not tell.
    """
    uid, gid = [await container.run(["id", option], seconds=LOOK_SECONDS) for option in ("-u", "-g")]
    try:
        return Identity(f"user {int(uid.output)}", int(uid.output), int(gid.output))
    except ValueError as error:
        raise PermanentError(
            f"its container does not tell whom it runs as: {shown(uid.output.strip(), length=200)}",
            fix="use an image that has the program `id`",
        ) from error


def check_group(identity: Identity, wanted: Program) -> None:
    """See that we can give files to the container's group, and reach what it makes itself.

    Raises:
        PermanentError: we are not in it.
    """
    if os.geteuid() != 0 and identity.gid not in {os.getegid(), *os.getgroups()}:
        raise PermanentError(
            f"its container runs in group {identity.gid}, and Interlock does not",
            fix=f"run it in Interlock's group, as with Compose's user: {wanted.name}:{os.getegid()}",
        )


async def check_sight(container: ProxyContainer, shared: SharedFiles) -> None:
    """See that the container has the folders where we have them.

    Raises:
        PermanentError: it has not.
    """
    question = ["test", "-w", str(shared.run_dir), "-a", "-r", str(shared.state_dir)]
    if (await container.run(question, seconds=LOOK_SECONDS)).code:
        raise PermanentError(
            f"its container does not see {shared.run_dir}, which Interlock writes to",
            fix=f"mount the folder of INTERLOCK_EXTERNAL_DIR into it, at the same path: {shared.state_dir.parent}",
        )
