"""Single keys, from a terminal of our own."""

import os
import sys
import termios

import pytest

from interlock.cli.keys import next_keys, single_keys


@pytest.fixture
def keyboard(monkeypatch):
    master, slave = os.openpty()
    with os.fdopen(slave, "rb", buffering=0) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield master
        os.close(master)


def test_keys_come_without_enter_and_arrows_by_name(keyboard):
    with single_keys():
        os.write(keyboard, b"j\x1b[A\x1bOBd")
        assert next_keys(10) == ["j", "up", "down", "d"]


def test_no_key_is_none(keyboard):
    with single_keys():
        assert next_keys(0) == []
        assert next_keys(-1) == []


@single_keys()
def fail():
    raise ZeroDivisionError


def test_the_terminal_is_as_before_afterwards_also_after_a_failure(keyboard):
    before = termios.tcgetattr(sys.stdin)
    with single_keys():
        assert termios.tcgetattr(sys.stdin) != before
    assert termios.tcgetattr(sys.stdin) == before
    with pytest.raises(ZeroDivisionError):
        fail()
    assert termios.tcgetattr(sys.stdin) == before
