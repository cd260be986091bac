"""The operator's template is in force when it has proved itself; until then the last good one is."""

import pytest

from interlock.core.problems import PermanentError, TemporaryError
from interlock.proxies.haproxy.render import BUILTIN, CONFIG_TEMPLATE
from interlock.proxies.serving.disk import Disk
from interlock.proxies.serving.template_choice import TemplateChoice


class Bench:
    """A choice, and what the templates that it tries make."""

    def __init__(self, folder):
        self.path = folder / "mine.j2"
        self.disk = Disk(folder / "state", folder / "run", None, name="haproxy.cfg", config_path="")
        self.kept = folder / "state" / "last-good-template.json"
        self.choice = self.started_again()

    def started_again(self, path=None):
        path = str(self.path) if path is None else path
        self.choice = TemplateChoice("haproxy", BUILTIN, setting="HAPROXY_TEMPLATE_PATH", path=path, disk=self.disk)
        return self.choice

    async def choose(self, text=None):
        if text is not None:
            self.path.write_text(text)
        await self.choice.choose(self._prove)

    @property
    def made(self):
        return self.choice.in_force.render(CONFIG_TEMPLATE, {})

    async def _prove(self, template):
        made = template.render(CONFIG_TEMPLATE, {})
        if "slow" in made:
            raise TemporaryError("no verdict")
        if "bad" in made:
            raise PermanentError("the proxy refuses it", fix="mend it")


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


async def test_without_a_path_the_built_in_one_is_in_force(bench):
    bench.started_again("")
    assert not bench.choice.is_new()
    await bench.choose()
    assert bench.choice.in_force is BUILTIN
    assert bench.choice.problem is None


async def test_a_good_one_comes_into_force(bench):
    assert bench.choice.is_new()
    await bench.choose("one")
    assert bench.made == "one"
    assert not bench.choice.is_new()
    assert bench.kept.stat().st_mode & 0o777 == 0o600, "a template may hold a password"


@pytest.mark.parametrize("text", ["bad", "{{ nobody }}", "{% if"])
async def test_a_bad_one_leaves_the_last_good_one_in_force_and_is_a_problem(bench, text):
    await bench.choose("one")
    await bench.choose(text)
    assert bench.made == "one"
    problem = bench.choice.problem
    assert (problem.key, problem.value) == ("HAPROXY_TEMPLATE_PATH", str(bench.path))
    assert problem.what.startswith("the last good template stays in force, for ")
    assert problem.fix


async def test_what_was_tried_in_vain_is_not_tried_again_before_it_changes(bench):
    await bench.choose("one")
    await bench.choose("bad")
    assert not bench.choice.is_new()
    bench.path.write_text("bad too")
    assert bench.choice.is_new()
    bench.path.unlink()
    await bench.choose()
    assert not bench.choice.is_new()
    await bench.choose("two")
    assert bench.made == "two"
    assert bench.choice.problem is None


async def test_after_a_restart_the_last_good_one_is_still_in_force(bench):
    await bench.choose("one")
    bench.started_again()
    await bench.choose("bad")
    assert bench.made == "one"
    assert "the proxy refuses it" in bench.choice.problem.what
    await bench.choose("two")
    assert bench.made == "two"


async def test_a_first_one_that_is_bad_is_fatal_with_its_reason(bench):
    with pytest.raises(PermanentError, match=r"mine.j2: there is no such file"):
        await bench.choose()
    with pytest.raises(PermanentError, match="the proxy refuses it"):
        await bench.choose("bad")


async def test_where_the_built_in_one_has_served_a_first_one_that_is_bad_leaves_it_in_force(bench):
    bench.disk.write({"haproxy.cfg": ""}, "", ())
    await bench.choose("bad")
    assert bench.choice.in_force is BUILTIN
    assert "the proxy refuses it" in bench.choice.problem.what
    await bench.choose("good")
    assert bench.made == "good"


async def test_once_there_is_no_template_any_more_the_last_good_one_is_forgotten(bench):
    bench.disk.write({"haproxy.cfg": ""}, "", ())
    await bench.choose("one")
    bench.started_again("")
    await bench.choose()
    bench.started_again()
    await bench.choose("bad")
    assert bench.choice.in_force is BUILTIN


@pytest.mark.parametrize("kept", ["", "nonsense", '{"haproxy.cfg.j2": "bad"}'])
async def test_where_the_last_good_one_is_of_no_use_either_the_reason_is_that_of_the_new_one(bench, kept):
    bench.kept.write_text(kept)
    with pytest.raises(PermanentError, match="there is no such file"):
        await bench.choose()


async def test_one_without_a_verdict_is_tried_again(bench):
    await bench.choose("one")
    with pytest.raises(TemporaryError):
        await bench.choose("slow")
    assert bench.choice.is_new()
    assert bench.made == "one"
