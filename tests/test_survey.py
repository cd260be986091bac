"""One look at an engine."""

import pytest

from interlock.core.model import Match, ServerState
from interlock.core.problems import PermanentError
from interlock.settings import EngineSettings
from interlock.survey import address_of, survey
from interlock.testing import FakeEngine


async def test_what_the_containers_ask_for_is_seen_as_served(tmp_path):
    fake = FakeEngine()
    fake.run("web", labels={"interlock.hostname": "www", "interlock.domain": "example.com", "interlock.port": "80"})
    async with fake.serve_unix(tmp_path / "docker.sock") as url:
        seen = await survey(EngineSettings(url=url, name="one"), override_address="10.0.0.1")

    assert seen.description == "Docker 20.10.24, API 1.41"
    assert [each.name for each in seen.containers] == ["web"]
    assert (seen.view.engine, seen.view.override_address) == ("one", "10.0.0.1")
    (server,) = seen.routes.table[Match("www.example.com")].backend.servers
    assert (server.name, server.state) == ("web", ServerState.READY)


def test_an_engine_has_its_address_with_its_tls_files():
    address = address_of(EngineSettings(url="tcp://e:2376", name="one", tls_ca="a", tls_cert="c", tls_key="k"))

    assert (address.name, address.base_url, address.tls_ca) == ("one", "https://e:2376", "a")
    with pytest.raises(PermanentError):
        address_of(EngineSettings(url="gopher://e"))
