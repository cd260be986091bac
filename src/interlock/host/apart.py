"""Work of strangers, in a thread and an event loop of its own: what blocks, hangs or exits there ends nothing here."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

import structlog

from interlock.core.problems import TemporaryError
from interlock.host.tasks import Tasks

log = structlog.get_logger()

END_SECONDS = 5.0
"""How long work that was told to end may take; a thread that takes longer is left behind, and ends with the process."""
ASK_SECONDS = 10.0
"""How long a question across the border waits for its answer."""

T = TypeVar("T")


class ExitedError(TemporaryError):
    """What was called apart wanted to exit, or nobody is there any more."""


class Apart:
    """One piece of work in a thread of its own. Made and used in one event loop, that of its owner."""

    def __init__(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """`name` is the thread's; `work` is called, and awaited, over there."""
        self._work = work
        self._name = name
        self._here = asyncio.get_running_loop()
        self._outcome: asyncio.Future[BaseException | None] = self._here.create_future()
        self._began, self._gone = asyncio.Event(), asyncio.Event()
        self._border = threading.Lock()
        self._there: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_told_to_end = False
        self._calls = Tasks(name)
        """Over there."""
        self._awaited: set[asyncio.Future[Any]] = set()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    async def ended(self) -> BaseException | None:
        """Wait until the work has ended by itself: what it raised, SystemExit included, or None if it returned."""
        return await asyncio.shield(self._outcome)

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Await something over there, beside the work; cancelled there when it is cancelled here.

        What it raises is raised here, but ExitedError where it is SystemExit or KeyboardInterrupt. Raises ExitedError,
        too, when the work over there has ended.
        """
        answer: asyncio.Future[T] = self._here.create_future()
        tasks: list[asyncio.Task[Any]] = []

        async def answered() -> None:
            try:
                result = await work()
            except (SystemExit, KeyboardInterrupt) as error:
                self._tell(_fail, answer, ExitedError(f"it raised {type(error).__name__}"))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is for the caller
                self._tell(_fail, answer, error)
            else:
                self._tell(_settle, answer, result)

        def begin() -> None:
            tasks.append(self._calls.start("call", answered()))

        def cancel() -> None:
            for task in tasks:
                task.cancel()

        await self._began.wait()
        if not self._call_soon(begin):
            raise ExitedError("its thread has ended")
        self._awaited.add(answer)
        try:
            return await answer
        except asyncio.CancelledError:
            self._call_soon(cancel)
            raise
        finally:
            self._awaited.discard(answer)

    async def stop(self) -> None:
        """Cancel the work and wait for the end of its thread, for a bounded time."""
        self._is_told_to_end = True
        self._call_soon(lambda: self._task.cancel() if self._task is not None else None)
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            log.warning(f"[interlock] {self._name} does not end; it is left behind")

    def _run(self) -> None:
        outcome: BaseException | None = None
        try:
            with asyncio.Runner() as runner:
                try:
                    runner.run(self._begin())
                except BaseException as error:  # noqa: BLE001 - SystemExit ends this thread, not the process
                    outcome = error
                self._tell(_settle, self._outcome, outcome)
        except BaseException as error:  # noqa: BLE001 - as above, from what the work left behind
            outcome = error
        finally:
            with self._border:
                self._there = None
            for callback in (partial(_settle, self._outcome, outcome), self._began.set, self._desert, self._gone.set):
                self._tell(callback)

    async def _begin(self) -> None:
        with self._border:
            if self._is_told_to_end:
                return
            self._there, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._tell(self._began.set)
        await self._work()

    def _tell(self, callback: Callable[..., Any], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the owner's loop is closed
            self._here.call_soon_threadsafe(callback, *arguments)

    def _call_soon(self, callback: Callable[[], object]) -> bool:
        """Have something called over there; whether there is anybody."""
        with self._border:
            if self._there is None:
                return False
            try:
                self._there.call_soon_threadsafe(callback)
            except RuntimeError:  # its loop has been closed, and the thread is about to say so
                return False
            return True

    def _desert(self) -> None:
        """Nobody will answer any more."""
        for answer in self._awaited:
            _fail(answer, ExitedError("its thread has ended"))


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def answered_here(question: Callable[[], T]) -> Callable[[], T]:
    """`question`, to be asked from any thread and answered in the loop that runs now, where its data is changed.

    Raises TemporaryError when there is no answer: that loop has ended.
    """
    loop, home = asyncio.get_running_loop(), threading.get_ident()

    async def answer() -> T:
        return question()

    def ask() -> T:
        if threading.get_ident() == home:
            return question()
        if loop.is_closed():
            raise TemporaryError("Interlock has ended")
        try:
            return asyncio.run_coroutine_threadsafe(answer(), loop).result(ASK_SECONDS)
        except TimeoutError as error:
            raise TemporaryError(f"Interlock did not answer within {ASK_SECONDS:g} s") from error

    return ask
