"""The contract's tests fail for a plugin that breaks it, in words that say which promise it was."""

import msgspec
import pytest

from interlock.core.plan import AddServer, DrainServer
from interlock.proxies import dryrun
from interlock.proxies.contract import Outcome
from interlock.testing import contract


class Forgets(dryrun.DryrunProxy):
    """Says yes to everything and does nothing."""

    async def apply(self, *_):
        return Outcome(reloaded=True)


class NeverAdds(dryrun.DryrunProxy):
    async def apply(self, steps, table):
        return await super().apply([step for step in steps if not isinstance(step, AddServer)], table)


class NeverDrains(dryrun.DryrunProxy):
    async def apply(self, steps, table):
        return await super().apply([step for step in steps if not isinstance(step, DrainServer)], table)


class TellsAll(dryrun.DryrunProxy):
    async def observe(self, _matches):
        return await super().observe(None)


class Lives(dryrun.DryrunProxy):
    """Remembers, for all that are ever built."""

    everything = {}  # noqa: RUF012 - what is wrong with it

    def __init__(self, context):
        super().__init__(context)
        self._serving = self.everything

    async def apply(self, steps, table):
        outcome = await super().apply(steps, table)
        self.everything.update(self._serving)
        return outcome

    async def close(self):
        pass


def suite(build):
    class Suite(contract.ProxyContract):
        plugin = msgspec.structs.replace(dryrun.PLUGIN, build=build)
        port_setting = ""

    return Suite()


@pytest.mark.parametrize(
    ("build", "test", "why"),
    [
        (lambda: None, "the_plugin_keeps_every_signature", "def build"),
        (Forgets, "a_host_is_served_and_others_are_not", "still to do: \\['Reload'\\]"),
        (NeverAdds, "replicas_come_and_go", "still to do: \\['AddServer'\\]"),
        (NeverDrains, "one_that_must_not_take_traffic_takes_none", "still to do: \\['DrainServer'\\]"),
        (TellsAll, "it_says_only_what_it_is_asked_for", "unknown|other.com"),
    ],
)
def test_a_broken_promise_fails_its_test(build, test, why):
    with pytest.raises(AssertionError, match=why):
        getattr(suite(build), f"test_{test}")()


def test_one_that_serves_before_it_is_told_fails():
    suite(Lives).test_a_host_is_served_and_others_are_not()
    with pytest.raises(AssertionError):
        suite(Lives).test_it_serves_nothing_before_it_is_told()


def test_every_test_of_the_suite_can_be_run_without_a_fixture_and_passes_for_paper():
    tests = [name for name in vars(contract.ProxyContract) if name.startswith("test_")]
    assert len(tests) > 15
    assert all(getattr(contract.ProxyContract, name).__code__.co_argcount == 1 for name in tests)
