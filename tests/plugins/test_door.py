"""A plugin that does not keep its promise is refused with what it should have been."""

from typing import Annotated

import msgspec
import pytest

from interlock.plugins.contract import ObserverPlugin
from interlock.plugins.door import complaint, misfit
from interlock.proxies import haproxy, nginx
from interlock.proxies.contract import Context, Plugin
from interlock.settings import Option


class Settings(msgspec.Struct, frozen=True):
    """Nothing to set."""


class Needy(msgspec.Struct, frozen=True):
    """A setting without a default."""

    port: int


class Odd(msgspec.Struct, frozen=True):
    """A setting of a type that nobody can write down."""

    port: Annotated[complex, Option(key="Port", doc="No port.")] = 0j


class Right:
    def __init__(self, _context):
        self.abilities = None

    async def prepare(self):
        pass

    async def observe(self, matches):
        pass

    async def sessions(self, match):
        pass

    async def apply(self, steps, table, *, quickly=True):
        pass

    def refresh(self):
        pass

    async def close(self):
        pass

    def problems(self, route):
        pass


class WithoutAbilities(Right):
    def __init__(self):
        pass


class WithoutApply(Right):
    apply = None


class WithoutTable(Right):
    async def apply(self, steps):
        pass


class NotAsync(Right):
    def prepare(self):
        pass


class TooAsync(Right):
    async def problems(self, route):
        pass


class NoMethod(Right):
    close = "closed"


APPLY = "it should be: async def apply(self, steps: Sequence[Step], table: RouteTable) -> Outcome"
SETTINGS = "it should be: class Settings(msgspec.Struct, frozen=True)"


def plugin(kind=Plugin, **fields):
    given = {"name": "mine", "version": "1", "description": "d", "url": "u", "settings": Settings, "build": Right}
    return kind(**(given | fields))


@pytest.mark.parametrize("right", [haproxy.PLUGIN, nginx.PLUGIN, plugin(), plugin(build=lambda _: Right(None))])
def test_a_plugin_that_keeps_its_promise_comes_in(right):
    assert complaint(right) == ""


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"name": "My Plugin"}, "its name My Plugin is not of lower-case letters, digits and hyphens"),
        ({"name": None}, "its name None is not"),
        ({"version": 2}, "its version is no text"),
        ({"settings": dict}, SETTINGS),
        ({"settings": None}, SETTINGS),
        ({"settings": Needy}, "its setting port has no default"),
        ({"settings": Odd}, "no setting can be of type <class 'complex'>"),
        ({"build": lambda: None}, "it should be: def build(context: Context) -> Proxy"),
        ({"build": "Right"}, "it should be: def build(context: Context) -> Proxy"),
        ({"build": WithoutApply}, f"apply is missing; {APPLY}"),
        ({"build": WithoutTable}, f"apply takes other arguments; {APPLY}"),
        ({"build": NotAsync}, "prepare is not async; it should be: async def prepare(self) -> None"),
        ({"build": TooAsync}, "problems is async; it should be: def problems(self, route: Route | None)"),
        ({"build": NoMethod}, "close is no method; it should be: async def close(self) -> None"),
    ],
)
def test_one_that_does_not_is_told_what_it_should_be(fields, why):
    assert why in complaint(plugin(**fields))


def test_an_observer_has_its_own_promise():
    why = complaint(plugin(ObserverPlugin))
    assert why == "run is missing; it should be: async def run(self, news: AsyncIterator[AnyHappening]) -> None"


def test_what_a_function_builds_is_looked_at_once_it_is_built():
    assert misfit(Right(None), plugin()) == ""
    assert APPLY in misfit(WithoutTable(None), plugin())
    what = "abilities is missing; it should be an attribute or property: abilities: Abilities"
    assert misfit(WithoutAbilities(), plugin()) == what


@pytest.mark.parametrize("plugin", [haproxy.PLUGIN, nginx.PLUGIN], ids=["haproxy", "nginx"])
def test_what_is_not_known_before_it_is_prepared_is_not_asked_for(plugin, tmp_path):
    context = Context(
        name="caddy", settings=plugin.settings(), state_dir=tmp_path, run_dir=tmp_path, look_again=lambda: None
    )
    assert misfit(plugin.build(context), plugin) == ""
