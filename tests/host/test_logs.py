import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
import warnings

import pytest
import structlog

from interlock.host.logs import Lines, configure, json_line, logfmt
from interlock.settings import LogFormat

HOSTILE = 'evil\x1b[31m\n\r\0\x7f\x9b\u2028\u2029\u202e\u2066\ufeff\ud800"\\ end'
ORIGINAL_LINE = re.compile(
    r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=(debug|info|warning|error|fatal) msg="[^"]*"\n'
)


log = structlog.get_logger()


@pytest.fixture
def pipe():
    """The two ends of a pipe: (read, write)."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue  # the test closed it


def notice(lost):
    return f"lost {lost}"


def read_lines(descriptor, count):
    """Read until `count` lines are there, or the writer is gone."""
    text = b""
    while text.count(b"\n") < count and (chunk := os.read(descriptor, 65536)):
        text += chunk
    return text.decode().splitlines()


def fill(lines):
    """Write lines that nobody reads until one is lost."""
    while not lines._lost:
        lines.info("x" * 1000)


class TestLook:
    @pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
    def test_a_line_looks_like_the_originals(self, capfd, level):
        configure(debug=True, log_format=LogFormat.LOGFMT)
        getattr(log, level)("[haproxy] demo.interlock.com: upstream=10.0.0.1:32768 container=demo1")
        line = capfd.readouterr().err
        assert ORIGINAL_LINE.fullmatch(line).group(1) == level
        assert line.endswith(' msg="[haproxy] demo.interlock.com: upstream=10.0.0.1:32768 container=demo1"\n')

    def test_critical_is_called_fatal_as_in_logrus(self, capfd):
        configure(debug=False, log_format=LogFormat.LOGFMT)
        log.critical("dead")
        assert ' level=fatal msg="dead"\n' in capfd.readouterr().err

    def test_the_time_is_utc_whatever_the_zone(self, capfd, monkeypatch):
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        configure(debug=False, log_format=LogFormat.LOGFMT)
        before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        log.info("now")
        monkeypatch.undo()
        time.tzset()
        stamp = capfd.readouterr().err[len('time="') :][: len(before)]
        assert before <= stamp <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def test_debug_lines_need_debug(self, capfd):
        configure(debug=False, log_format=LogFormat.LOGFMT)
        log.debug("decision")
        assert capfd.readouterr().err == ""

    def test_fields_follow_in_the_order_given_and_are_quoted_where_needed(self):
        record = {
            "msg": "m",
            "level": "info",
            "time": "T",
            "b": 1,
            "a": "x y",
            "ok": True,
            "empty": "",
            "at": "1.2.3.4:80",
        }
        assert logfmt(record) == 'time="T" level=info msg="m" b=1 a="x y" ok=true empty="" at=1.2.3.4:80'

    def test_a_field_named_like_the_head_steps_aside(self, capfd):
        configure(debug=False, log_format=LogFormat.LOGFMT)
        log.info("m", level="x", time="y", msg="z")
        assert capfd.readouterr().err.endswith(' level=info msg="m" fields.level=x fields.time=y fields.msg=z\n')

    def test_json_has_one_object_a_line(self, capfd):
        configure(debug=False, log_format=LogFormat.JSON)
        log.info("m", port=80, ok=True, path=None, odd={1})
        line = json.loads(capfd.readouterr().err)
        assert list(line) == ["time", "level", "msg", "port", "ok", "path", "odd"]
        assert (line["level"], line["msg"], line["port"], line["ok"], line["path"]) == ("info", "m", 80, True, None)
        assert line["odd"] == "{1}"


class TestHostileText:
    def test_no_control_character_reaches_a_logfmt_line(self):
        line = logfmt({"time": "T", "level": "info", "msg": HOSTILE, "value": HOSTILE})
        assert line.isprintable()
        escaped = r'"evil\x1b[31m\n\r\x00\x7f\x9b\u2028\u2029\u202e\u2066\ufeff\ud800\"\\ end"'
        assert line == f'time="T" level=info msg={escaped} value={escaped}'

    def test_a_value_cannot_end_its_quotes(self):
        line = logfmt({"time": "T", "level": "info", "msg": '\\" level=fatal msg="forged'})
        assert line == r'time="T" level=info msg="\\\" level=fatal msg=\"forged"'

    def test_no_control_character_reaches_a_json_line_and_nothing_is_lost(self):
        line = json_line({"msg": HOSTILE})
        assert line.isascii()
        assert line.isprintable()
        assert json.loads(line)["msg"] == HOSTILE


def broken():
    raise ValueError("two\nlines")


class TestExceptions:
    @staticmethod
    def fail():
        try:
            broken()
        except ValueError:
            log.exception("it broke")

    def test_an_exception_is_one_short_field(self, capfd):
        configure(debug=False, log_format=LogFormat.LOGFMT)
        self.fail()
        assert capfd.readouterr().err.endswith(r' level=error msg="it broke" error="ValueError: two\nlines"' + "\n")

    def test_at_debug_an_exception_is_its_traceback_in_one_line(self, capfd):
        configure(debug=True, log_format=LogFormat.LOGFMT)
        self.fail()
        (line,) = capfd.readouterr().err.splitlines()
        assert r'exception="Traceback (most recent call last):\n' in line
        assert line.endswith(r'ValueError: two\nlines"')

    def test_the_callers_own_word_for_an_error_stays(self, capfd):
        configure(debug=False, log_format=LogFormat.LOGFMT)
        log.error("it broke", error="mine", exc_info=ValueError("theirs"))
        assert capfd.readouterr().err.endswith(' msg="it broke" error=mine\n')

    def test_asking_for_an_exception_where_there_is_none_adds_nothing(self, capfd):
        configure(debug=False, log_format=LogFormat.LOGFMT)
        log.error("calm", exc_info=True)  # noqa: LOG014 (that there is none is the case at hand)
        assert capfd.readouterr().err.endswith(' msg="calm"\n')


class TestLibraries:
    def test_warnings_of_the_standard_logging_come_out_in_the_same_look(self, capfd):
        configure(debug=False, log_format=LogFormat.LOGFMT)
        logging.getLogger("aiohttp").warning("slow %s", "thing")
        assert capfd.readouterr().err.endswith(' level=warning msg="slow thing" logger=aiohttp\n')

    def test_a_level_of_a_librarys_own_is_rounded_down(self, capfd):
        configure(debug=False, log_format=LogFormat.LOGFMT)
        logging.getLogger("odd").log(45, "between")
        assert ' level=error msg="between"' in capfd.readouterr().err

    def test_their_chatter_stays_out_even_at_debug(self, capfd):
        configure(debug=True, log_format=LogFormat.LOGFMT)
        logging.getLogger("aiohttp.access").info("GET /")
        assert capfd.readouterr().err == ""

    def test_a_message_that_does_not_fit_its_arguments_is_logged_as_it_is(self, capfd):
        configure(debug=False, log_format=LogFormat.LOGFMT)
        logging.getLogger("lib").warning("%d items", "no")
        assert ' msg="%d items" logger=lib\n' in capfd.readouterr().err

    def test_their_exceptions_are_fields_too(self, capfd):
        configure(debug=False, log_format=LogFormat.LOGFMT)
        logging.getLogger("asyncio").error("task failed", exc_info=ValueError("x"))
        assert capfd.readouterr().err.endswith(' msg="task failed" logger=asyncio error="ValueError: x"\n')

    def test_python_warnings_are_lines_of_the_log(self, capfd, monkeypatch):
        configure(debug=False, log_format=LogFormat.LOGFMT)
        monkeypatch.setattr(warnings, "filters", [])
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
        (line,) = capfd.readouterr().err.splitlines()
        assert "DeprecationWarning: old thing" in line


class TestReaderAway:
    def test_a_reader_that_does_not_read_costs_lines_but_no_time(self, pipe):
        lines = Lines(pipe[1], notice)
        fill(lines)
        started = time.monotonic()
        for _ in range(1000):
            lines.info("nobody hears")
        assert time.monotonic() - started < 20
        assert lines._lost == 1001

    def test_when_the_reader_is_back_the_loss_is_told_first(self, pipe):
        lines = Lines(pipe[1], notice)
        fill(lines)
        lines.info("nobody hears")
        os.read(pipe[0], 65536)
        lines.info("heard")
        assert read_lines(pipe[0], 2)[-2:] == ["lost 2", "heard"]

    def test_a_line_cut_in_the_middle_does_not_swallow_the_next(self, pipe):
        lines = Lines(pipe[1], notice)
        lines.info("x" * 200_000)
        text = os.read(pipe[0], 65536)
        lines.info("heard")
        os.close(pipe[1])
        while chunk := os.read(pipe[0], 65536):
            text += chunk
        cut, *rest = text.decode().splitlines()
        assert (set(cut), rest) == ({"x"}, ["lost 1", "heard"])

    def test_a_long_line_arrives_whole_where_somebody_reads(self, pipe):
        received = []
        reader = threading.Thread(target=lambda: received.extend(read_lines(pipe[0], 1)))
        reader.start()
        Lines(pipe[1], notice).info("y" * 300_000)
        reader.join(timeout=10)
        assert received == ["y" * 300_000]

    def test_a_reader_that_is_gone_is_no_error(self, pipe):
        lines = Lines(pipe[1], notice)
        os.close(pipe[0])
        lines.info("to nobody")
        assert lines._lost == 1

    def test_a_closed_stderr_is_no_error_and_its_number_is_given_to_nobody(self):
        program = (
            "import os, structlog\n"
            "from interlock.host.logs import configure\n"
            "from interlock.settings import LogFormat\n"
            "os.close(2)\n"
            "configure(debug=True, log_format=LogFormat.LOGFMT)\n"
            "opened = os.open('/dev/null', os.O_RDONLY)\n"
            "structlog.get_logger().info('to nobody')\n"
            "print('alive', opened != 2)\n"
        )
        result = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
        )
        assert (result.stdout, result.returncode) == ("alive True\n", 0)
