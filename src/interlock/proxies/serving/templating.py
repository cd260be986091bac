"""Jinja2 templates of a proxy's files: the built-in ones, and the operator's in their place.

The environment is sandboxed, and a name that means nothing is an error that tells file, line and name. Nothing is
escaped, since these are no HTML; what a template is given is typed, so that no text of a container means anything to
the proxy. A template may take another one of its folder, by its file name, or a built-in one, as
``{% extends "builtin/haproxy.cfg.j2" %}``.
"""

import difflib
import functools
import itertools
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import MAX_RANGE, ImmutableSandboxedEnvironment
from jinja2.utils import missing

from interlock.core.problems import InterlockError, PermanentError, shown

BUILTIN = "builtin/"
"""Before the name of a template of Interlock's own."""
RENDER_SECONDS = 20.0
"""For one file; 10,000 backends take less than one."""
LARGEST_TEXT = 1 << 28
"""Characters of one file; 10,000 backends are some 10 million."""
LARGEST_TEMPLATE = 1 << 20
"""Bytes of one template."""
CHECK_IT = "correct it, and try it with `interlock template check`"


class TemplateError(PermanentError):
    """A template cannot be used as it is."""

    def __init__(self, what: str, *, file: str = "", line: int = 0, fix: str = CHECK_IT) -> None:
        place = f"{file}, line {line}: " if line else f"{file}: " if file else ""
        super().__init__(place + what, fix=fix)
        self.file = file
        self.line = line
        """From 1; 0 where no line is to blame."""
        self.bare = what
        """What is wrong, without the place."""


class Template:
    """The templates of one proxy; compiled when they are first used, as they are then."""

    def __init__(
        self,
        package: str,
        *,
        main: str,
        path: Path | None = None,
        kept: Mapping[str, str] | None = None,
        filters: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        """Without more, the built-in ones, of the folder ``templates`` in a Python package.

        Args:
            package: whose templates they are.
            main: name of the built-in template in whose place `path` is taken.
            path: the operator's template.
            kept: the operator's templates as they were, by name; no file is read then.
            filters: what templates may pipe values through, besides Jinja's own.
        """
        self.main = main
        self.sources: dict[str, str] = dict(kept or {})
        """The operator's templates that have been used, by name."""
        self._package = package
        self._path = path
        self._is_kept = kept is not None
        self._environment = ImmutableSandboxedEnvironment(
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=_Undefined,
            auto_reload=False,
            loader=jinja2.FunctionLoader(self._load),
        )
        self._filters = dict(filters or {})
        self._environment.filters |= self._filters

    @property
    def is_custom(self) -> bool:
        return self._path is not None

    def replaced(self, path: Path, *, kept: Mapping[str, str] | None = None) -> "Template":
        """The operator's template in the place of these; `kept` has its texts, where they are not to be read."""
        return Template(self._package, main=self.main, path=path, kept=kept, filters=self._filters)

    def look(self) -> dict[str, str]:
        """The operator's templates as they are now, as far as they have been used; of one in vain, the reason."""
        if not self.is_custom:
            return {}
        return {name: self._look(name) for name in (self.main, *self.sources)}

    def render(self, name: str, variables: Mapping[str, Any]) -> str:
        """One file.

        Raises:
            TemplateError: it cannot be read, understood or filled in, or takes too long; with its file and line.
        """
        bound = _Bound()
        try:
            template = self._environment.get_template(name)
            return bound.joined(template.generate({**variables, "range": bound.range}))
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(
                shown(error.message or "", length=300), file=error.filename or "", line=error.lineno
            ) from error
        except jinja2.TemplateNotFound as error:
            raise self._told(error, f"there is no template {shown(error.name or '')}") from error
        except _MissingError as error:
            raise self._told(error, error.sentence(variables)) from error
        except TemplateError:
            raise
        except InterlockError as error:
            raise self._told(error, error.what) from error
        except Exception as error:  # a template may raise whatever Python has
            raise self._told(error, shown(f"{type(error).__name__}: {error}", length=300)) from error

    def refusal(self, judge: str, line: str, why: str) -> TemplateError:
        """The error for what a proxy refuses.

        Args:
            judge: the proxy.
            line: the line of what was made that it points at; "" where it does not.
            why: its words.
        """
        object_ = f"`{shown(line)}`" if line else "what it makes of sample sites"
        what = f"{judge} refuses {object_}: {shown(why, length=160)}"
        places = [
            (self.shown(name), number)
            for name, text in self.sources.items()
            for number, written in enumerate(text.splitlines(), 1)
            if line and written.rstrip().endswith(line)
        ]
        file, number = places[0] if len(places) == 1 else (self.shown(self.main), 0)
        return TemplateError(what, file=file, line=number)

    def shown(self, name: str) -> str:
        """How a template is called in messages."""
        if self._path is None:
            return BUILTIN + name
        return str(self._path if name == self.main else self._path.with_name(name))

    def _told(self, error: Exception, what: str) -> TemplateError:
        """The error, with the place of the innermost template that it went through."""
        names = {self.shown(name) for name in (self.main, *self.sources)}
        file, line = self.shown(self.main), 0
        for frame, number in traceback.walk_tb(error.__traceback__):
            name = frame.f_code.co_filename
            if name in names or name.startswith(BUILTIN):
                file, line = name, number
        return TemplateError(what, file=file, line=line)

    def _load(self, name: str) -> tuple[str, str, None] | None:
        if not self.is_custom and not name.startswith(BUILTIN):
            name = BUILTIN + name
        if name.startswith(BUILTIN):
            text = builtin_text(self._package, name.removeprefix(BUILTIN))
            return None if text is None else (text, name, None)
        text = self.sources.get(name) if self._is_kept else self._read(name)
        if text is None:
            return self._load(BUILTIN + name)
        self.sources[name] = text
        return text, self.shown(name), None

    def _look(self, name: str) -> str:
        try:
            return self._read(name) or ""
        except TemplateError as error:
            return error.bare

    def _read(self, name: str) -> str | None:
        assert self._path is not None  # noqa: S101 - only the operator's own are read
        if "/" in name:
            return None
        path = self._path if name == self.main else self._path.with_name(name)
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(LARGEST_TEMPLATE + 1)
        except FileNotFoundError:
            if name == self.main:
                raise TemplateError("there is no such file", file=str(path), fix="correct its path") from None
            return None
        except (OSError, ValueError) as error:
            what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise TemplateError(f"it cannot be read: {what}", file=str(path)) from error
        if len(text) > LARGEST_TEMPLATE:
            raise TemplateError(f"it is longer than {LARGEST_TEMPLATE >> 20} MB", file=str(path))
        return text


@functools.cache
def builtin_text(package: str, name: str) -> str | None:
    """A template of Interlock's own, in a Python package's folder ``templates``; None where there is none."""
    if name not in builtin_names(package):
        return None
    return package_files(package).joinpath("templates", name).read_text(encoding="utf-8")


def builtin_names(package: str) -> list[str]:
    """All of them."""
    return sorted(entry.name for entry in package_files(package).joinpath("templates").iterdir())


def indented(text: object) -> str:
    """Filter: every line that has something in it, four spaces further to the right."""
    return "\n".join(f"    {line}" if line else "" for line in str(text).rstrip("\n").split("\n"))


class _Bound:
    """Ends a rendering that would not end, or not fit."""

    def __init__(self) -> None:
        self._deadline = time.monotonic() + RENDER_SECONDS

    def joined(self, chunks: Iterable[str]) -> str:
        """The text; whatever is written counts."""
        done: list[str] = []
        length = 0
        for chunk in chunks:
            done.append(chunk)
            length += len(chunk)
            if length > LARGEST_TEXT:
                raise PermanentError(f"what it makes is longer than {LARGEST_TEXT >> 20} million characters")
            self._check()
        return "".join(done)

    def range(self, *arguments: int) -> Iterator[int]:
        """`range`, for loops that write nothing."""
        for number in itertools.islice(range(*arguments), MAX_RANGE):
            self._check()
            yield number

    def _check(self) -> None:
        if time.monotonic() > self._deadline:
            raise PermanentError(f"it takes longer than {RENDER_SECONDS:g} s")


class _MissingError(jinja2.UndefinedError):
    """A name that means nothing."""

    def __init__(self, name: Any, owner: Any, message: str | None) -> None:
        super().__init__(message)
        self.name = str(name)
        self.owner = owner

    def sentence(self, variables: Mapping[str, Any]) -> str:
        """Says the name, whose it would be, and which one may be meant."""
        if self.owner is missing:
            what, known = f"there is no variable {shown(self.name)}", list(variables)
        else:
            known = list(getattr(self.owner, "__struct_fields__", ()))
            what = f"{type(self.owner).__name__.lower()} has no {shown(self.name)}"
        near = difflib.get_close_matches(self.name, known, n=1)
        return f"{what}; did you mean {near[0]}?" if near else what


class _Undefined(jinja2.StrictUndefined):
    """Says of itself whose it would be."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[jinja2.TemplateRuntimeError] = jinja2.UndefinedError,
    ) -> None:
        super().__init__(hint, obj, name, exc)
        if exc is jinja2.UndefinedError and name is not None:
            self._undefined_exception = functools.partial(_MissingError, name, obj)  # type: ignore[assignment]
