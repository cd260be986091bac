"""`make demo` and `make demo-down`.

Exit codes: 0 when five of five containers were seen (or everything is removed), 1 when not, 130 when interrupted.
"""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))  # for `testbed`, which the tests stand on too

import cleanup
import state
from screen import Screen
from story import Story

from testbed.programs import ProgramError


def up(screen: Screen) -> int:
    """Show the demo; what an earlier one left is removed first."""
    made = state.State()
    story = Story(screen, made)
    try:
        if previous := state.load():
            screen.title("Removing the previous demo")
            cleanup.remove_demo(screen, previous)
            shutil.rmtree(state.FOLDER)
            made.archive = previous.archive
        made.save()
        screen.title("Interlock: an application scales, the proxy follows")
        story.tell()
    except (ProgramError, OSError) as error:
        screen.failure(str(error), story.log_tail())
        screen.note("make demo-down removes what is there")
        return 1
    return 0


def down(screen: Screen) -> int:
    """Remove everything, and say what it was."""
    screen.title("Removing the demo")
    try:
        if not cleanup.remove_everything(screen):
            screen.note("there is no demo here")
    except (ProgramError, OSError) as error:
        screen.failure(str(error), "")
        return 1
    return 0


def main(words: list[str]) -> int:
    screen = Screen()
    commands = {"up": up, "down": down}
    if len(words) != 1 or words[0] not in commands:
        screen.console.print("usage: demo up | down")
        return 2
    if os.geteuid() != 0:
        screen.failure("it needs root, for a private engine and its network", "try: sudo make demo")
        return 1
    try:
        return commands[words[0]](screen)
    except KeyboardInterrupt:
        screen.console.print()
        screen.note("interrupted; make demo-down removes what is there")
        return 130


sys.exit(main(sys.argv[1:]))
