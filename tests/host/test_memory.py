"""What is there to stay is set apart, and nothing breaks where the C library cannot help."""

import ctypes
import gc

from interlock.host import memory


def test_what_is_known_by_then_is_out_of_the_collectors_sight():
    before = gc.get_freeze_count()
    try:
        memory.settle()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


def test_while_a_fleet_becomes_known_the_collector_looks_less_often_and_then_as_usual():
    usual = gc.get_threshold()
    try:
        memory.grow()
        assert gc.get_threshold()[0] > usual[0]
        memory.settle()
        assert gc.get_threshold() == usual
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def test_a_c_library_without_these_knobs_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    try:
        memory.few_arenas()
        memory.settle()
    finally:
        gc.unfreeze()
