"""Options as maps from a site's name."""

import pytest

from interlock.core.model import Maintenance
from interlock.proxies.nginx.traits import https_address, retry_after


@pytest.mark.parametrize(
    ("port", "address"), [(443, "https://$host"), (0, "https://$host"), (8443, "https://$host:8443")]
)
def test_the_https_address_names_a_port_where_it_is_not_the_usual_one(port, address):
    assert https_address(port) == address


def test_a_known_end_is_told_as_a_time_and_an_unknown_one_as_a_minute():
    assert retry_after(Maintenance("x", "2026-11-24T12:00:00Z")) == "Tue, 24 Nov 2026 12:00:00 GMT"
    assert retry_after(Maintenance("x")) == "60"
