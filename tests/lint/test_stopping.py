import pytest

from interlock.lint import Rule

ROUTE = "interlock.hostname: www, interlock.domain: example.com"


def web(more, labels=ROUTE):
    return f"web: {{image: x, {more}, labels: {{{labels}}}}}"


@pytest.mark.parametrize("signal", ["SIGKILL", "kill", "9"])
def test_a_signal_that_kills_at_once_is_told(only, signal):
    assert only(web(f"stop_signal: {signal}")).rule is Rule.KILL_SIGNAL


def test_other_signals_are_the_applications_affair(found):
    assert found(web("stop_signal: SIGQUIT")) == ()


def test_a_grace_period_shorter_than_the_proxys_patience_is_told(only, found):
    assert only(web("stop_grace_period: 5s")).fix == "write stop_grace_period: 10s, or more"
    assert found(web("stop_grace_period: 5s"), request_seconds=5) == ()
    assert found(web("stop_grace_period: 1m")) == ()


def test_the_usual_grace_period_is_nobodys_choice(found):
    assert found(web("init: true"), request_seconds=60) == ()


@pytest.mark.parametrize("ready", ["require", "prefer"])
def test_who_asks_for_a_healthy_container_needs_a_healthcheck(only, ready):
    finding = only(web("init: true", f"{ROUTE}, interlock.ready: {ready}"))

    assert (finding.rule, finding.key) == (Rule.NO_HEALTHCHECK, "label interlock.ready")
    assert "its image may" in finding.what


def test_one_that_is_turned_off_is_none(only):
    finding = only(web("healthcheck: {disable: true}", f"{ROUTE}, interlock.ready: require"))

    assert finding.what.endswith("turns it off")


@pytest.mark.parametrize(
    ("more", "ready"), [("healthcheck: {test: curl localhost}", "require"), ("init: true", "ignore")]
)
def test_with_one_or_without_asking_there_is_nothing_to_say(found, more, ready):
    assert found(web(more, f"{ROUTE}, interlock.ready: {ready}")) == ()
