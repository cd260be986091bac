"""Being process 1 of a container: orphans of the proxy end up here, and somebody has to reap them.

The first process stays behind as a minimal init and the program goes on in its child, so that the waits of asyncio and
of the init never take each other's children.
"""

import os
import signal
import sys

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
KILLED = 128
"""A shell's exit code for a program that a signal ended is this plus its number."""


def be_init_if_first() -> None:
    """As process 1: fork, return in the child, and never return in the parent. Anywhere else: do nothing."""
    if os.getpid() != 1:
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, (*FORWARDED, signal.SIGCHLD))
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*FORWARDED, signal.SIGCHLD))
        return
    sys.stdin.close()
    while True:
        number = signal.sigwait((*FORWARDED, signal.SIGCHLD))
        if number is not signal.SIGCHLD:
            os.kill(child, number)
            continue
        code = _reap(child)
        if code is not None:
            os._exit(code)


def _reap(child: int) -> int | None:
    """Reap all who have ended; the exit code of the program if it was among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == child:
            ended = os.waitstatus_to_exitcode(status)
            code = ended if ended >= 0 else KILLED - ended
