"""The picture in docs/architecture.md is true, and the sizes that keep the code readable are kept."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "interlock"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60


def contracts():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_every_module_in_the_page_exists():
    named = re.findall(r"^\| `([^`]+)`", PAGE, re.MULTILINE)
    assert len(named) > 15
    for name in named:
        assert (SOURCE / name).exists(), name


def test_every_room_is_in_the_page_and_in_the_walls():
    layers = next(contract["layers"] for contract in contracts() if contract["type"] == "layers")
    walled = {layer.strip() for floor in layers for layer in floor.split("|")}
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"} - {"proxies"}
    rooms |= {path.stem for path in SOURCE.glob("*.py")} - {"__init__", "__main__", "version"}
    rooms |= {f"proxies.{path.stem}" for path in (SOURCE / "proxies").iterdir() if not path.name.startswith("_")}
    assert rooms == walled
    picture = PAGE.split("```")[1]
    for room in rooms:
        assert room in picture, room


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_and_functions_fit_the_eye(path):
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = node.body[0].end_lineno - node.body[0].lineno + 1 if ast.get_docstring(node) else 0
            assert node.end_lineno - node.lineno + 1 - docstring <= LONGEST_FUNCTION, node.name


def test_no_module_hides_behind_an_empty_name():
    assert not {path.stem for path in MODULES} & {"utils", "util", "helpers", "common", "manager", "misc"}
