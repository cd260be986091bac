"""The log: lines on stderr, in the original's logfmt or as JSON, that neither block nor break whatever they hold.

Every other module says ``log = structlog.get_logger()`` and logs sentences; `configure` decides where they go.
"""

import json
import logging
import os
import re
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from interlock.settings import LogFormat

STDERR = 2
PIPE_BUF = 4096
"""Bytes that a pipe takes without blocking once poll(2) calls it writable (PIPE_BUF of Linux)."""
STALL_MILLISECONDS = 100
"""How long a line waits for a reader that does not read. Only the first line waits, until the reader is back."""

HEAD = ("time", "level", "msg")
"""Keys that each line begins with."""

_BARE = re.compile(r"[A-Za-z0-9._/@^+:-]+")
"""Values that logfmt leaves without quotes."""
_LEVEL_NAMES = {"critical": "fatal", "exception": "error", "warn": "warning"}
"""structlog's name -> logrus's, where they differ."""

Render = Callable[[EventDict], str]


def configure(*, debug: bool, log_format: LogFormat, quiet: bool = False) -> None:
    """Send every log line of this process to stderr, the libraries' warnings included; if `quiet`, none.

    At debug an exception is logged with its traceback, else with its class and text.
    """
    _reserve(STDERR)
    render = RENDERERS[log_format]
    level = logging.DEBUG if debug else logging.CRITICAL if quiet else logging.INFO
    lines = Lines(STDERR, lambda lost: render(_record("warning", f"{lost} log lines were lost: nobody read stderr")))
    structlog.configure(
        processors=[_with_traceback if debug else _with_error, _in_order, lambda _, __, record: render(record)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_Bridge()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def logfmt(record: EventDict) -> str:
    r"""One line in the look of logrus, which the original used.

    >>> logfmt({"time": "2026-11-24T08:20:41Z", "level": "info", "msg": "a \"b\"\n", "port": 80, "name": ""})
    'time="2026-11-24T08:20:41Z" level=info msg="a \\"b\\"\\n" port=80 name=""'
    """
    head = f"time={_quoted(record['time'])} level={record['level']} msg={_quoted(str(record['msg']))}"
    return head + "".join(f" {key}={_bare(value)}" for key, value in record.items() if key not in HEAD)


def json_line(record: EventDict) -> str:
    """One JSON object, in ASCII, so that no control character of any alphabet is in it."""
    return json.dumps(record, default=str, separators=(",", ":")).replace("\x7f", "\\u007f")


RENDERERS: dict[LogFormat, Render] = {LogFormat.LOGFMT: logfmt, LogFormat.JSON: json_line}


class Lines:
    """Writes whole lines to a file descriptor at once, and loses them rather than wait for a reader or fail.

    A container's stderr is a pipe to somebody who may be away (dockerd, restarted under live-restore); a proxy that
    waited there for room would stop following its containers. What was lost is counted, and said when it works again.
    """

    def __init__(self, descriptor: int, notice: Callable[[int], str]) -> None:
        self._descriptor = descriptor
        self._notice = notice
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._lock = threading.Lock()
        self._lost = 0
        self._torn = False

    def msg(self, line: str) -> None:
        """Write a line, or lose it."""
        with self._lock:
            try:
                if self._lost:
                    self._write(self._notice(self._lost))
                    self._lost = 0
                self._write(line)
            except OSError:
                self._lost += 1

    debug = info = warning = error = critical = msg
    """structlog calls the level's own name."""

    def _write(self, line: str) -> None:
        """Raises OSError where the reader is gone, or does not read."""
        rest = ("\n" * self._torn + line + "\n").encode("utf-8", "backslashreplace")
        while rest:
            if not self._poll.poll(0 if self._lost else STALL_MILLISECONDS):
                raise BlockingIOError
            written = os.write(self._descriptor, rest[:PIPE_BUF])
            rest = rest[written:]
            self._torn = bool(rest)


class _Bridge(logging.Handler):
    """Hands the records of the standard library's logging to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage().rstrip()
        except (TypeError, ValueError):
            message = str(record.msg)  # a library's own sentence that does not fit its arguments
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        structlog.get_logger().log(level, message, logger=record.name, exc_info=record.exc_info)


def _reserve(descriptor: int) -> None:
    """Keep a closed descriptor from being given to the next file or socket that is opened, which would get the log."""
    try:
        os.fstat(descriptor)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != descriptor:
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def _record(level: str, message: str) -> dict[str, Any]:
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": level, "msg": message}


def _in_order(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Time, level and message first; a field of the same name steps aside, as it did in logrus."""
    record = _record(_LEVEL_NAMES.get(method, method), event.pop("event"))
    return {**record, **{f"fields.{key}" if key in HEAD else key: value for key, value in event.items()}}


def _with_error(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Name the exception in ``error``, unless the caller has said it better there."""
    exception = _exception(event.pop("exc_info", None))
    if exception is not None:
        event.setdefault("error", f"{type(exception).__name__}: {exception}")
    return event


def _with_traceback(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    exception = _exception(event.pop("exc_info", None))
    if exception is not None:
        event["exception"] = "".join(traceback.format_exception(exception)).rstrip()
    return event


def _exception(exc_info: Any) -> BaseException | None:
    """The exception behind whatever logging allows for ``exc_info``: it, its triple, or True for the present one."""
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    elif exc_info is True:
        exc_info = sys.exception()
    return exc_info if isinstance(exc_info, BaseException) else None


def _bare(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if _BARE.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    """As Go's %q: quotes and backslashes escaped, and every character that does not print (ESC, U+2028, bidi)."""
    if not text.isprintable() or '"' in text or "\\" in text:
        text = "".join(map(_escaped, text))
    return f'"{text}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else character.encode("unicode_escape").decode()
