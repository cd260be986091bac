from pathlib import Path

import msgspec

from interlock.proxies.contract import Context
from interlock.proxies.serving.preview import as_real, scratch, texts_on_disk


class Inner(msgspec.Struct, frozen=True):
    path: str
    number: int = 5


class Outer(msgspec.Struct, frozen=True):
    inner: Inner
    paths: tuple[str, ...]
    table: dict[str, Inner]
    nothing: None = None


def context(folder):
    return Context(
        name="paper", settings=None, state_dir=folder / "state", run_dir=folder / "run", look_again=lambda: None
    )


def test_folders_are_thrown_away_with_what_was_put_into_them(tmp_path):
    with scratch(context(tmp_path)) as paper:
        paper.state_dir.mkdir()
        assert paper.state_dir.parent.stat().st_mode & 0o777 == 0o755
        assert paper.state_dir.parent != tmp_path
    assert not paper.state_dir.parent.exists()
    assert list(tmp_path.iterdir()) == []


def test_whatever_names_them_names_the_real_ones_then():
    paper, real = context(Path("/paper")), context(Path("/real"))
    made = Outer(Inner("x /paper/state/a"), ("/paper/run/b", "c"), {"k": Inner("/elsewhere")})

    assert as_real(made, paper, real) == Outer(
        Inner("x /real/state/a"), ("/real/run/b", "c"), {"k": Inner("/elsewhere")}
    )


def test_what_is_on_disk_is_read_as_far_as_it_is_there(tmp_path):
    (tmp_path / "my.cfg").write_text("main")
    (tmp_path / "a.map").write_text("map")

    assert texts_on_disk(tmp_path / "my.cfg", ("a.map", "b.map", "cfg")) == {"a.map": "map", "cfg": "main"}
