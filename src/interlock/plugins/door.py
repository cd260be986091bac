"""Who comes in is looked at here: a plugin that does not keep its promise is refused with what it should have been."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import msgspec

from interlock.core.happenings import AnyHappening
from interlock.core.plan import Step
from interlock.core.problems import shown
from interlock.plugins.contract import Observer, ObserverPlugin
from interlock.proxies.contract import Plugin, Proxy
from interlock.settings.fields import fields_of

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_MODULES = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z])")
"""Where a type is from, which a signature for people leaves out."""

AnyPlugin = Plugin | ObserverPlugin


def complaint(plugin: AnyPlugin) -> str:
    """What is wrong with a plugin, and how it should be; "" for nothing."""
    if not (isinstance(plugin.name, str) and _NAME.fullmatch(plugin.name)):
        return f"its name {shown(plugin.name)} is not of lower-case letters, digits and hyphens"
    for field in ("version", "description", "url"):
        if not isinstance(getattr(plugin, field), str):
            return f"its {field} is no text"
    return _of_settings(plugin.settings) or _of_build(plugin)


def misfit(built: object, plugin: AnyPlugin) -> str:
    """What is wrong with what `build` returned; "" for nothing."""
    promise: type = Proxy if isinstance(plugin, Plugin) else Observer
    for name, kept in vars(promise).items():
        if name.startswith("_"):
            continue
        if isinstance(kept, property):
            if not (_has(built, name) or isinstance(built, type)):  # an instance may be given it later
                return f"{name} is missing; it should be an attribute or property: {name}: {_type_of(kept)}"
        elif callable(kept) and (what := _unlike(getattr(built, name, None), kept, bound=not isinstance(built, type))):
            return f"{name} {what}; it should be: {_signature(name, kept)}"
    return ""


def _has(built: object, name: str) -> bool:
    """Whether there is such an attribute. Its value is not asked for: it need not be known before `prepare`."""
    try:
        inspect.getattr_static(built, name)
    except AttributeError:
        return hasattr(built, name)
    return True


def _of_settings(settings: Any) -> str:
    if not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        right = "class Settings(msgspec.Struct, frozen=True)"
        return f"its settings {shown(settings)} are no msgspec.Struct; it should be: {right}"
    for field in msgspec.structs.fields(settings):
        if field.required:
            return f"its setting {field.name} has no default; it should be: {field.name}: ... = a default"
    try:
        fields_of(settings)
    except TypeError as error:
        return shown(f"its settings cannot be read: {error}", length=200)
    return ""


def _of_build(plugin: AnyPlugin) -> str:
    context, made = ("Context", "Proxy") if isinstance(plugin, Plugin) else ("ObserverContext", "Observer")
    if not callable(plugin.build) or not _takes(plugin.build, 1):
        return f"its build does not take one argument; it should be: def build(context: {context}) -> {made}"
    if isinstance(plugin.build, type):
        return misfit(plugin.build, plugin)
    return ""


def _unlike(found: Any, promised: Callable[..., Any], *, bound: bool) -> str:
    """In which way a method is not the promised one; "" if it is."""
    if found is None:
        return "is missing"
    if not callable(found):
        return "is no method"
    if inspect.iscoroutinefunction(promised) is not inspect.iscoroutinefunction(found):
        return "is not async" if inspect.iscoroutinefunction(promised) else "is async"
    if not _takes(found, len(inspect.signature(promised).parameters) - bound):
        return "takes other arguments"
    return ""


def _takes(found: Callable[..., Any], count: int) -> bool:
    """Whether it can be called with so many arguments by position."""
    try:
        inspect.signature(found).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a builtin that tells no signature
        return True
    return True


def _signature(name: str, promised: Callable[..., Any]) -> str:
    prefix = "async def" if inspect.iscoroutinefunction(promised) else "def"
    return f"{prefix} {name}{_for_people(str(inspect.signature(promised)))}"


def _type_of(promised: property) -> str:
    assert promised.fget is not None  # noqa: S101 - a promise can be read
    return _for_people(inspect.formatannotation(inspect.signature(promised.fget).return_annotation))


def _for_people(annotation: str) -> str:
    for name, union in (("Step", Step), ("AnyHappening", AnyHappening)):
        annotation = annotation.replace(str(union), name)
    return _MODULES.sub("", annotation)
