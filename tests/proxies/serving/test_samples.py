"""The sample world has everything in it that a template may have to fill in."""

import msgspec
import pytest

from interlock.core.model import Balance, CheckKind, Options, Retry, Verify
from interlock.proxies.serving.samples import samples

PLAIN = {"ssl_certificate", "ssl_certificate_key", "check_interval"}
"""Names of files, and a number: no template does anything else for another value."""


@pytest.mark.parametrize("field", sorted({field.name for field in msgspec.structs.fields(Options)} - PLAIN))
def test_every_option_has_another_value_than_its_default_somewhere(field):
    assert {getattr(site.options, field) for site in samples(verified=True)} - {getattr(Options(), field)}


def test_every_word_of_a_closed_set_is_there():
    options = [site.options for site in samples(verified=True)]
    assert {each.balance for each in options} == set(Balance)
    assert {each.check.kind for each in options} == set(CheckKind)
    assert {each.retry for each in options} == set(Retry)


def test_every_kind_of_site_is_there_once():
    sites = samples(verified=True)
    assert len({site.match for site in sites}) == len(sites)
    assert list(sites) == sorted(sites, key=lambda site: site.match)
    assert any(site.match.host.startswith("*.") for site in sites)
    assert any(not site.routed for site in sites)
    assert any(not site.has_backend for site in sites)
    assert any(site.has_backend and not site.servers for site in sites)
    assert any(site.maintenance and site.maintenance.until for site in sites)
    assert {0, 100} == {server.weight for site in sites for server in site.servers}


def test_without_a_ca_nothing_is_to_be_verified():
    assert {site.options.ssl_backend_verify for site in samples(verified=False)} == {Verify.NONE}
