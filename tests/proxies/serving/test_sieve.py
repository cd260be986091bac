"""What a check refuses is found, by what it says or by halves, and left out."""

import pytest

from interlock.core.model import Match, Options
from interlock.core.plan import shape
from interlock.core.problems import PermanentError
from interlock.proxies.serving.sieve import Verdict, sift
from interlock.proxies.serving.sites import Site

SITES = [Site(match=Match(f"{letter}.com"), options=Options()) for letter in "abcdefgh"]


class Check:
    """Refuses sites by name, and combinations; counts how often it was asked."""

    def __init__(self, *bad, together=(), settings_are_bad=False, says_whom=False):
        self.bad = {Match(name) for name in bad}
        self.together = {Match(name) for name in together}
        self.settings_are_bad, self.says_whom = settings_are_bad, says_whom
        self.asked = 0

    async def __call__(self, sites):
        self.asked += 1
        present = {site.match for site in sites}
        wrong = present & self.bad
        if self.together and self.together <= present:
            wrong |= self.together
        if self.settings_are_bad or wrong:
            return Verdict(accepted=False, why="it is wrong", culprits=sorted(wrong)[:1] if self.says_whom else ())
        return Verdict(accepted=True)


def names(sifted):
    return [str(each.match) for each in sifted.refused]


async def test_what_is_accepted_is_asked_about_once():
    check = Check()
    sifted = await sift("proxy", SITES, check)
    assert (sifted.sites, sifted.refused, check.asked) == (tuple(SITES), (), 1)


@pytest.mark.parametrize("says_whom", [True, False])
async def test_the_bad_are_left_out_with_the_checks_own_words(says_whom):
    check = Check("b.com", "g.com", says_whom=says_whom)
    sifted = await sift("proxy", SITES, check)
    assert sorted(names(sifted)) == ["b.com", "g.com"]
    assert {each.why for each in sifted.refused} == {"it is wrong"}
    assert {each.shape for each in sifted.refused} == {shape(Options())}
    assert len(sifted.sites) == 6
    assert check.asked <= 14


async def test_those_who_are_bad_only_in_company_are_all_left_out():
    sifted = await sift("proxy", SITES, Check(together=("a.com", "h.com")))
    assert {"a.com", "h.com"} <= set(names(sifted))
    assert not {site.match for site in sifted.sites} & {Match("a.com"), Match("h.com")}


@pytest.mark.parametrize("sites", [[], SITES[:1], SITES])
async def test_bad_settings_are_the_operators(sites):
    with pytest.raises(PermanentError, match="proxy refuses its settings: it is wrong"):
        await sift("proxy", sites, Check(settings_are_bad=True))
