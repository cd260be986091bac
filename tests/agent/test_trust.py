"""TLS as it is now: files that change are read again, and none that cannot be used take the place of good ones."""

import pytest
from structlog.testing import capture_logs

from interlock.agent.keys import make
from interlock.agent.trust import Trust, TrustFiles
from interlock.core.problems import PermanentError


@pytest.fixture
def folder(tmp_path):
    make(tmp_path, names=(), days=365, is_renewal=False)
    return tmp_path


def files(folder):
    return TrustFiles(ca=str(folder / "ca.pem"), cert=str(folder / "agent.pem"), key=str(folder / "agent-key.pem"))


def test_the_same_files_are_the_same_context(folder):
    trust = Trust(files(folder))
    before = trust.context()
    trust.look()
    assert trust.context() is before


def test_changed_files_are_used_for_whoever_connects_next(folder):
    trust = Trust(files(folder))
    before = trust.context()
    make(folder, names=(), days=365, is_renewal=True)
    trust.look()
    assert trust.context() is not before


def test_changed_files_that_do_not_fit_are_not_used_and_told_once(folder):
    trust = Trust(files(folder))
    before = trust.context()
    (folder / "agent.pem").write_text("half a certif")
    with capture_logs() as lines:
        trust.look()
        trust.look()
    assert trust.context() is before
    assert [line["log_level"] for line in lines] == ["warning"]
    make(folder, names=(), days=365, is_renewal=True)
    trust.look()
    assert trust.context() is not before


@pytest.mark.parametrize(("days", "is_told"), [(29, True), (60, False)])
def test_a_certificate_that_ends_soon_is_a_warning_once_a_day(tmp_path, days, is_told):
    make(tmp_path, names=(), days=days, is_renewal=False)
    with capture_logs() as lines:
        trust = Trust(files(tmp_path))
        trust.look()
    assert len(lines) == is_told
    assert all("the agent's certificate expires on" in line["event"] for line in lines)


@pytest.mark.parametrize("missing", ["ca.pem", "agent.pem", "agent-key.pem"])
def test_without_one_of_the_files_there_is_no_agent(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(PermanentError, match="TLS files cannot be used"):
        Trust(files(folder))
