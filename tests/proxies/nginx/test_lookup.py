"""The maps from host and path to a site."""

import pytest

from interlock.core.model import Match
from interlock.proxies.nginx.lookup import depth_of, hosts_map, lookup, paths_map


def test_a_path_is_as_deep_as_it_has_segments():
    assert [depth_of(Match("a.com", path)) for path in ("/", "/a", "/a/b", "/a/b/c")] == [0, 1, 2, 3]


def test_each_host_is_one_key_whatever_its_paths():
    matches = [Match("a.com"), Match("a.com", "/x"), Match("*.b.com", "/y")]
    assert [line.split()[0] for line in hosts_map(matches).splitlines()] == ['"\\\\*.b.com"', '"\\\\a.com"']


def test_a_path_without_capitals_is_a_key_and_one_with_them_a_pattern():
    lines = paths_map([Match("a.com", "/x/y"), Match("a.com", "/X.y+z"), Match("a.com")]).splitlines()
    assert [line.split()[0] for line in lines] == ['"~^a_com\\\\^/X[.]y[+]z$"', '"\\\\a_com/x/y"']


def test_without_paths_nothing_is_looked_up_but_the_host():
    text = "\n".join(lookup([Match("a.com")]))
    assert text.count("map ") == 2
    assert "$interlock_site {" in text


@pytest.mark.parametrize("depth", [1, 3])
def test_each_depth_of_path_has_its_prefix_and_falls_back_on_the_shorter_one(depth):
    text = "\n".join(lookup([Match("a.com", "/x" * depth)]))
    for level in range(1, depth + 1):
        assert f"$interlock_prefix_{level} {{" in text
        assert f"default $interlock_site_{level - 1};" in text
    assert '    a_com "";' in text, "its root leads nowhere"
