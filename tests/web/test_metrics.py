"""What is counted as it happens, and what is looked up when somebody asks."""

import pytest
from prometheus_client import Gauge
from prometheus_client.parser import text_string_to_metric_families

from interlock.core.happenings import (
    ApplyFailed,
    Cause,
    ContainerDamped,
    EngineLost,
    EventSeen,
    PlanApplied,
    ReloadDone,
)
from interlock.core.model import Match
from interlock.core.plan import DrainServer, RemoveServer
from interlock.core.problems import Problem, Severity
from interlock.core.status import EngineStatus, OrdersStatus, ProxyStatus, Status
from interlock.core.traffic import Counters, ProxyTraffic, RouteTraffic, Traffic
from interlock.web.families import FAMILIES
from interlock.web.metrics import MOST_KEYS, MOST_REMEMBERED, Metrics, reason_class

MATCH = Match("a.com")
WEB = "1" * 64


class Desk:
    """What is looked up."""

    def __init__(self, problems=(), traffic=()):
        self.problems = problems
        self.counted = Traffic(proxies=traffic)
        self.listed = 2.5

    def status(self):
        return Status(
            version="9.9",
            ready=True,
            not_ready_because=(),
            seconds_since_reconcile=self.listed,
            routes=3,
            servers={"ready": 4, "probing": 1},
            engines=(
                EngineStatus(name="docker", description="", containers=7, seconds_since_list=self.listed, lost=""),
                EngineStatus(name="far", description="", containers=0, seconds_since_list=None, lost="refused"),
            ),
            proxies=(ProxyStatus(name="haproxy", version="2", ready=True, reloads=1, error="late"),),
            orders=OrdersStatus(),
            problems=self.problems,
        )

    async def traffic(self):
        return self.counted


async def told(metrics, desk=None):
    """Every sample, by its name and the values of its labels in the order of their names."""
    text = (await metrics.exposition(desk if desk is not None else Desk())).decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def seen(event="Changed", *, at=100.0, touched=1, container_id=WEB, engine="docker"):
    cause = Cause(action="start", at=at, engine=engine, container="web_1", container_id=container_id)
    return EventSeen(at=at + 0.001, event=event, cause=cause, touched=touched)


def applied(*, at=100.05, causes=None, proxy="haproxy", steps=()):
    causes = (Cause(action="probe", at=at, container_id=WEB),) if causes is None else causes
    return PlanApplied(at=at, proxy=proxy, causes=causes, steps=steps, seconds=0.004)


async def test_events_and_lists_are_counted_by_what_they_are():
    metrics = Metrics()
    for happening in (seen(), seen(), seen("Stopping"), seen("Listed", container_id="")):
        metrics.hear(happening)
    values = await told(metrics)
    assert values["interlock_events_total", "Changed"] == 2
    assert values["interlock_events_total", "Stopping"] == 1
    assert values["interlock_reconciles_total", "docker"] == 1
    assert values["interlock_totals_events_processed",] == 4


async def test_steps_are_counted_by_kind_and_timed():
    metrics = Metrics()
    metrics.hear(applied(steps=(DrainServer(MATCH, "a"), DrainServer(MATCH, "b"), RemoveServer(MATCH, "c"))))
    values = await told(metrics)
    assert values["interlock_plan_steps_total", "haproxy", "DrainServer"] == 2
    assert values["interlock_plan_steps_total", "haproxy", "RemoveServer"] == 1
    assert values["interlock_apply_seconds_count", "haproxy"] == 1
    assert values["interlock_apply_seconds_sum", "haproxy"] == pytest.approx(0.004)


async def test_the_time_to_traffic_counts_from_the_engines_event_though_the_plans_cause_is_an_answered_probe():
    metrics = Metrics()
    metrics.hear(seen(at=100.0))
    metrics.hear(seen("Probed", at=100.04))
    metrics.hear(applied(at=100.05))
    values = await told(metrics)
    assert values["interlock_event_to_traffic_seconds_count", "haproxy", "live"] == 1
    assert values["interlock_event_to_traffic_seconds_sum", "haproxy", "live"] == pytest.approx(0.05)


async def test_each_proxy_is_timed_once_for_each_event():
    metrics = Metrics()
    metrics.hear(seen(at=100.0))
    metrics.hear(applied(at=100.05))
    metrics.hear(applied(at=160.0))
    metrics.hear(applied(at=100.25, proxy="nginx"))
    values = await told(metrics)
    assert values["interlock_event_to_traffic_seconds_sum", "haproxy", "live"] == pytest.approx(0.05)
    assert values["interlock_event_to_traffic_seconds_sum", "nginx", "live"] == pytest.approx(0.25)


async def test_an_engine_whose_clock_is_ahead_gives_no_negative_time():
    metrics = Metrics()
    metrics.hear(seen(at=200.0))
    metrics.hear(applied(at=100.0))
    assert (await told(metrics))["interlock_event_to_traffic_seconds_sum", "haproxy", "live"] == 0


async def test_events_that_nothing_ever_follows_from_take_no_more_memory():
    metrics = Metrics()
    for number in range(MOST_REMEMBERED + 10):
        metrics.hear(seen(container_id=f"{number:064d}"))
    metrics.hear(applied(causes=(Cause(action="probe", at=1, container_id=f"{0:064d}"),)))
    assert ("interlock_event_to_traffic_seconds_count", "haproxy", "live") not in await told(metrics)
    assert len(metrics._unserved) == MOST_REMEMBERED


async def test_reloads_are_counted_with_their_reason_and_failures_by_what_failed():
    metrics = Metrics()
    metrics.hear(seen(at=100.0))
    causes = (Cause(action="start", at=100.0, container_id=WEB),)
    reload = ReloadDone(
        at=100.5, proxy="haproxy", causes=causes, reason="new site a.com", seconds=0.3, refused=((MATCH, "no"),)
    )
    metrics.hear(reload)
    metrics.hear(ApplyFailed(at=1, proxy="haproxy", causes=(), error="e"))
    metrics.hear(ApplyFailed(at=1, proxy="haproxy", causes=(), error="e", reason="new site"))
    values = await told(metrics)
    assert values["interlock_reloads_total", "haproxy", "new-site"] == 1
    assert values["interlock_reload_seconds_sum", "haproxy"] == pytest.approx(0.3)
    assert values["interlock_routes_refused", "haproxy"] == 1
    assert values["interlock_event_to_traffic_seconds_sum", "haproxy", "reload"] == pytest.approx(0.5)
    assert values["interlock_apply_failures_total", "haproxy", "live"] == 1
    assert values["interlock_apply_failures_total", "haproxy", "reload"] == 1


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("new site a.com, options of b.com changed", "new-site"),
        ("backends for new sites: a.com", "tidy-up"),
        ("options of a.com changed, among others", "options"),
        ("certificates changed", "certificates"),
        ("live changes failed", "live-failed"),
        ("the moon is full", "other"),
    ],
)
def test_a_reloads_reason_is_of_a_closed_list(reason, name):
    assert reason_class(reason) == name


async def test_engines_lost_and_containers_damped():
    metrics = Metrics()
    metrics.hear(EngineLost(at=1, engine="far", reason="refused"))
    for id_ in ("1", "1", "2", "3"):
        metrics.hear(ContainerDamped(at=1, engine="docker", container=id_, container_id=id_, pause=2.0))
    metrics.hear(ContainerDamped(at=1, engine="docker", container="2", container_id="2", pause=0.0))
    metrics.hear(seen("Vanished", container_id="3"))
    values = await told(metrics)
    assert values["interlock_engine_losses_total", "far"] == 1
    assert values["interlock_containers_damped",] == 1


async def test_what_is_looked_up():
    values = await told(Metrics())
    assert values["interlock_ready",] == 1
    assert values["interlock_routes",] == 3
    assert values["interlock_servers", "ready"] == 4
    assert values["interlock_seconds_since_reconcile",] == 2.5
    assert (values["interlock_engine_up", "docker"], values["interlock_engine_up", "far"]) == (1, 0)
    assert values["interlock_engine_containers", "docker"] == 7
    assert values["interlock_engine_seconds_since_list", "docker"] == 2.5
    assert ("interlock_engine_seconds_since_list", "far") not in values
    assert (values["interlock_proxy_ready", "haproxy"], values["interlock_proxy_failing", "haproxy"]) == (1, 1)
    assert next(key for key in values if key[0] == "interlock_build_info")[2] == "9.9"


async def test_before_every_engine_has_told_anything_there_is_no_staleness():
    desk = Desk()
    desk.listed = None
    assert ("interlock_seconds_since_reconcile",) not in await told(Metrics(), desk)


def problem(key, severity=Severity.ERROR):
    return Problem(container="web", key=key, value="", what="is wrong", fix="mend it", severity=severity)


async def test_problems_are_told_by_key_and_never_by_more_keys_than_a_hostile_fleet_may_make():
    many = [problem(f"label interlock.{number:04d}", Severity.WARNING) for number in range(MOST_KEYS * 3)]
    hostile = problem('label "\n\x1b[31m')
    values = await told(
        Metrics(), Desk((*many, problem("label interlock.port"), problem("label interlock.port"), hostile))
    )
    problems = {key: value for key, value in values.items() if key[0] == "interlock_problems"}
    assert problems["interlock_problems", "label interlock.port", "error"] == 2
    assert sum(problems.values()) == MOST_KEYS * 3 + 3
    assert len(problems) <= MOST_KEYS + len(Severity)


def traffic(routes, *, error=""):
    counters = Counters(requests=5, errors=1, sessions=2, latency=30)
    return ProxyTraffic(
        proxy="haproxy",
        at=1,
        error=error,
        routes=tuple(
            RouteTraffic(host=f"{number}.com", path="/", total=counters, servers={"web_1": counters})
            for number in range(routes)
        ),
    )


async def test_the_proxies_counters_by_route_and_server():
    values = await told(Metrics(), Desk(traffic=(traffic(1),)))
    assert values["interlock_route_requests_total", "0.com", "/", "haproxy"] == 5
    assert values["interlock_server_errors_total", "0.com", "/", "haproxy", "web_1"] == 1
    assert values["interlock_server_sessions", "0.com", "/", "haproxy", "web_1"] == 2
    assert values["interlock_route_latency_seconds", "0.com", "/", "haproxy"] == pytest.approx(0.03)
    assert values["interlock_traffic_left_out", "haproxy"] == 0


async def test_a_large_fleet_costs_no_more_series_than_allowed_and_says_how_many_it_left_out():
    values = await told(Metrics(limit=10), Desk(traffic=(traffic(50),)))
    assert (
        len([key for key in values if key[0] in {"interlock_route_requests_total", "interlock_server_requests_total"}])
        == 10
    )
    assert values["interlock_traffic_left_out", "haproxy"] == 90


async def test_a_proxy_that_does_not_tell_is_told_of():
    values = await told(Metrics(), Desk(traffic=(traffic(0, error="it does not answer"),)))
    assert values["interlock_traffic_unknown", "haproxy"] == 1


async def test_the_table_of_families_is_what_is_told():
    metrics = Metrics()
    metrics.hear(seen())
    text = (await metrics.exposition(Desk(traffic=(traffic(1),)))).decode()
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert sorted(families) == sorted(family.name for family in FAMILIES)


def test_a_plugin_cannot_take_a_name_of_ours():
    with pytest.raises(ValueError, match="interlock_events"):
        Gauge("interlock_events_total", "Something else", registry=Metrics().registry)
    with pytest.raises(ValueError, match="interlock_routes"):
        Gauge("interlock_routes", "Something else", registry=Metrics().registry)
