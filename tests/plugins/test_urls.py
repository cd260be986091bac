"""What can be posted to, and what cannot."""

import pytest

from interlock.plugins.urls import http_url


@pytest.mark.parametrize("text", ["http://host", "https://user:secret@host:8086/path?a=b", "http://[::1]:9091"])
def test_what_has_a_host_and_speaks_http_can_be_posted_to(text):
    assert str(http_url(text)) == text


@pytest.mark.parametrize(
    "text", ["", "host", "host:9091", "/path", "http://", "ftp://host", "http://host:port", "http://["]
)
def test_anything_else_cannot(text):
    assert http_url(text) is None
