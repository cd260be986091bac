"""Where a server is, as somebody types it."""

import pytest

from interlock.core.problems import PermanentError
from interlock.plugins.endpoint import Endpoint


@pytest.mark.parametrize(
    ("text", "endpoint", "shown"),
    [
        ("carbon.example.com:2004", ("carbon.example.com", 2004), "carbon.example.com:2004"),
        ("carbon", ("carbon", 2003), "carbon:2003"),
        ("10.0.0.1:1", ("10.0.0.1", 1), "10.0.0.1:1"),
        ("[::1]:53", ("::1", 53), "[::1]:53"),
        ("[fe80::1]", ("fe80::1", 2003), "[fe80::1]:2003"),
    ],
)
def test_host_and_port_are_taken_apart(text, endpoint, shown):
    found = Endpoint.parse(text, port=2003, setting="X")
    assert found == endpoint
    assert str(found) == shown


@pytest.mark.parametrize(
    "text", ["", ":2003", "host:0", "host:70000", "host:x", "host/path", "user@host", "ho st", "[::1", "a\nb", "host?q"]
)
def test_what_is_no_place_is_refused_with_the_setting_to_mend(text):
    with pytest.raises(PermanentError) as caught:
        Endpoint.parse(text, port=2003, setting="STATS_CARBON_ADDRESS")
    assert caught.value.fix == "set STATS_CARBON_ADDRESS to something like 127.0.0.1:2003"
    assert "\n" not in caught.value.what
