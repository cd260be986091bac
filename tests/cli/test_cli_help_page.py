import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

INTERLOCK = Path(sys.executable).with_name("interlock")
HEAVY = (
    "aiohttp",
    "asyncio",
    "structlog",
    "interlock.app",
    "interlock.plugins.registry",
    "rich.markdown",
    "rich.syntax",
)


def on_a_terminal(*arguments, **environment):
    """What the program writes to a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen([INTERLOCK, *arguments], stdout=its, env={"TERM": "xterm", **environment})
    os.close(its)
    text = b""
    try:
        while chunk := os.read(ours, 65536):
            text += chunk
    except OSError:
        pass  # EIO: the program has ended, and its side of the terminal is closed
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return text.decode()


def test_every_global_option_tells_its_variable_and_default(program):
    _, out, _ = program("--help", COLUMNS="200")
    assert "(env DOCKER_HOST; default unix:///var/run/docker.sock)" in out
    assert "(env INTERLOCK_DEBUG)" in out
    assert "(env INTERLOCK_LOG_FORMAT; default logfmt)" in out


def test_commands_are_listed_with_their_summaries(program):
    _, out, _ = program("--help")
    assert "\n  start         Watch the engine with the plugins that --plugin names.\n" in out


def test_hidden_options_are_hidden(program):
    _, out, _ = program("run", "--help")
    assert "--config FILE" in out
    assert "discovery" not in out


def test_an_argument_has_its_own_list(program):
    _, out, _ = program("help", "help")
    assert out.startswith("Usage: interlock help [OPTIONS] [COMMAND]\n")
    assert "\nArguments\n  COMMAND  A command's name.\n" in out


@pytest.mark.parametrize("width", [20, 40, 59, 60, 80, 200])
@pytest.mark.parametrize("command", [[], ["routes"], ["run"]])
def test_no_line_is_wider_than_the_terminal_or_ends_in_spaces(program, width, command):
    _, out, _ = program(*command, "--help", COLUMNS=str(width))
    longest_word = max(map(len, out.split()))
    for line in out.splitlines():
        assert len(line) <= max(width, longest_word + 4)
        assert line == line.rstrip()


def test_on_a_narrow_terminal_descriptions_stand_below_their_names(program):
    _, out, _ = program("--help", COLUMNS="40")
    assert "\n  -p, --plugin NAME\n    Plugin to enable; may be repeated.\n" in out


def test_colour_is_for_terminals_only(program):
    assert "\x1b[" in on_a_terminal("--help")
    assert "\x1b[" not in program("--help")[1]
    assert "\x1b[" not in on_a_terminal("--help", NO_COLOR="1").replace("\x1b[1m", "").replace("\x1b[0m", "")


@pytest.mark.parametrize(
    ("arguments", "code", "unneeded"),
    [
        (["--help"], 0, HEAVY),
        (["--version"], 0, (*HEAVY, "rich")),
        (["agent", "check", "--socket", "/nonexistent"], 1, (*HEAVY, "rich")),
    ],
)
def test_nothing_waits_for_what_it_does_not_need(arguments, code, unneeded):
    program = f"""
import sys
from interlock.cli import main
assert main({arguments!r}) == {code}
print(sorted(set({unneeded!r}) & set(sys.modules)))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"
