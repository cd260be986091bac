"""Ways to pass a request on, each with its location."""

from itertools import product

import crossplane
import msgspec
import pytest

from interlock.core.model import Match, Options, Retry, Verify
from interlock.proxies.nginx.frame import Certificates, Frame
from interlock.proxies.nginx.render import render
from interlock.proxies.nginx.ways import RETRIES, Way, way_of
from interlock.proxies.serving.sites import Site

FRAME = Frame(control_socket="/c", pid_file="/p", temp_dir="/t", http_port=80, backend_ca="/ca.pem")
EVERY = [Way(*each) for each in product(Retry, (False, True))]


def rendered(frame, ways):
    """What server blocks include when sites ask for these ways."""
    sites = [Site(match=Match(f"{number}.com"), options=options_of(way)) for number, way in enumerate(ways)]
    return render(frame, sites, Certificates()).files["server.conf"]


def options_of(way):
    verify = Verify.REQUIRED if way.verified else Verify.NONE
    return Options(retry=way.retry, ssl_backend=way.verified, ssl_backend_verify=verify)


def test_every_choice_is_a_way_of_its_own():
    assert RETRIES.keys() == set(Retry)
    assert len({way.name for way in EVERY}) == len(EVERY)


@pytest.mark.parametrize(
    ("options", "way"),
    [
        (Options(), Way()),
        (Options(ssl_backend_verify=Verify.REQUIRED), Way()),
        (Options(ssl_backend=True), Way()),
        (Options(ssl_backend=True, ssl_backend_verify=Verify.REQUIRED), Way(verified=True)),
        (Options(retry=Retry.ALL), Way(Retry.ALL)),
    ],
)
def test_options_choose_the_way(options, way):
    assert way_of(options) == way


def test_each_way_but_the_usual_one_has_one_location(tmp_path):
    file = tmp_path / "locations.conf"
    file.write_text(f"http {{ server {{ {rendered(FRAME, [*EVERY, *EVERY])} }} }}")
    found = crossplane.parse(str(file))["config"][0]["parsed"][0]["block"][0]["block"]
    parsed = [each for each in found if each["args"][0].startswith("@")]
    assert sorted(each["args"][0] for each in parsed) == sorted(f"@{way.name}" for way in EVERY if way.name)
    for each in parsed:
        lines = {line["directive"]: line["args"] for line in each["block"]}
        assert ("proxy_ssl_verify" in lines) == each["args"][0].endswith("-verified")
        assert lines["proxy_pass"] == ["$interlock_scheme://$interlock_pool$interlock_uri"]


def test_without_a_ca_nothing_is_passed_on_that_should_be_verified():
    text = rendered(msgspec.structs.replace(FRAME, backend_ca=""), [Way(verified=True)])
    assert "location @safe-verified {\n    return 503" in text
    assert text.count("proxy_pass") == 1, "in the location of the usual way only"
