"""What a proxy does not declare is a problem for whoever asks for it, and for nobody else."""

from interlock.core.model import Backend, Balance, Match, Options, Route
from interlock.plugins.limits import unhonoured


def route(**options):
    return Route(match=Match("demo.com"), backend=Backend(options=Options(**options)))


def test_what_is_asked_for_and_not_declared_is_told():
    asked = route(balance=Balance.SOURCE, rewrite=True, slow_start=0)
    (problem,) = unhonoured(asked, {"rewrite"}, "caddy")
    assert problem.key == "balance of demo.com"
    assert problem.sentence().endswith(
        "caddy cannot do this, so it is served without; fix: take it away, or use another proxy"
    )


def test_defaults_and_what_nobody_notices_cost_nothing():
    assert unhonoured(route(check_interval=1, websocket_endpoints=("/ws",)), (), "caddy") == ()
