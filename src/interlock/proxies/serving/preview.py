"""The configuration that would be written: rendered in folders that are thrown away, as if they were the real ones."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from interlock.proxies.contract import Context

T = TypeVar("T")

SECRET = "***"  # noqa: S105 - what stands for one
"""Stands for passwords in what is shown."""


@contextmanager
def scratch(context: Context) -> Iterator[Context]:
    """The same context with empty folders of its own, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="interlock-preview-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the proxy judges templates as an unprivileged user
        yield msgspec.structs.replace(context, state_dir=folder / "state", run_dir=folder / "run")


def as_real(value: T, paper: Context, real: Context) -> T:
    """A value that was made with the folders of `paper`, with those of `real` in its texts."""
    folders = ((str(paper.state_dir), str(real.state_dir)), (str(paper.run_dir), str(real.run_dir)))
    moved: T = _moved(value, folders)
    return moved


def _moved(value: Any, folders: Sequence[tuple[str, str]]) -> Any:
    match value:
        case str():
            for paper, real in folders:
                value = value.replace(paper, real)
            return value
        case tuple():
            return tuple(_moved(each, folders) for each in value)
        case dict():
            return {key: _moved(each, folders) for key, each in value.items()}
        case msgspec.Struct():
            fields = {name: _moved(getattr(value, name), folders) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **fields)
        case _:
            return value


def texts_on_disk(config: Path, names: Sequence[str]) -> Mapping[str, str]:
    """What was written last, as far as it is there and ours to read; `config` is where the last of the files is."""
    paths = [*(config.parent / name for name in names[:-1]), config]
    texts = {name: _read(path) for name, path in zip(names, paths, strict=True)}
    return {name: text for name, text in texts.items() if text is not None}


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
