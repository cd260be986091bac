"""Whom an operator means by a word."""

import pytest

from interlock.core.model import Match, Phase
from interlock.core.overrides import Service
from interlock.core.targets import Names, UnknownTargetError, absent_service, find, names_of
from interlock.testing.worlds import container


def compose(name, number, service="web", project="shop", **fields):
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    return container(name, number=number, labels=labels, **fields)


FLEET = [
    compose("shop_web_2", 2),
    compose("shop_web_1", 1),
    compose("shop_web_3", 3, phase=Phase.EXITED),
    compose("shop_db_1", 4, "db"),
    compose("blog_db_1", 5, "db", "blog"),
    container("lonely", number=6, id="dbfe" + "6" * 60),
    compose("cache", 7, "lonely"),
]


def names(who):
    return [each.name for each in find(FLEET, who).containers]


def test_a_name_an_id_and_the_beginning_of_an_id_mean_one_container():
    assert names("shop_web_1") == ["shop_web_1"]
    assert names("dbfe" + "6" * 60) == names("dbfe6") == names("DBFE6") == ["lonely"]


def test_a_service_means_those_of_its_containers_that_are_up():
    target = find(FLEET, "web")
    assert target.service == Service("shop", "web")
    assert [each.name for each in target.containers] == ["shop_web_1", "shop_web_2"]
    assert find(FLEET, "shop/web") == target


def test_of_a_swarm_a_service_a_node_and_a_task_can_be_meant_by_their_names():
    first = container("web.1.tkh4nm6dgj8w", number=8, service="web", task="tkh4nm6dgj8wmxi9s6drzlynj", node="n1")
    second = container("web.2.lieukxj4nloc", number=9, service="web", task="lieukxj4nlocapz7lnt6cczbh", node="n2")
    ended = container(
        "api.1.dps0nw43nqzw", number=10, service="api", task="dps0nw43nqzw", node="n2", phase=Phase.EXITED
    )
    nobody = container("idle", number=11, service="idle", phase=Phase.CREATED)
    swarm = [first, second, ended, nobody]
    assert find(swarm, "web").containers == find(swarm, f"{first.engine}/web").containers == (first, second)
    assert find(swarm, "web").service == Service(first.engine, "web")
    assert find(swarm, "n2").containers == (second,), "those that are up"
    assert find(swarm, "tkh4nm6dgj8w").containers == find(swarm, first.task).containers == (first,)
    assert find(swarm, "idle").containers == (), "a service that stands for itself is still a service"
    with pytest.raises(UnknownTargetError, match="no container, id, service or node is called"):
        find(swarm, "n3")


def test_the_names_that_can_be_meant_are_told_each_so_that_it_means_one():
    told = names_of(FLEET, [Match("b.com"), Match("a.com", "/x"), Match("a.com")])

    assert told == Names(
        containers=tuple(sorted(each.name for each in FLEET)),
        services=("blog/db", "shop/db", "shop/lonely", "web"),
        hosts=("a.com", "b.com"),
    )
    assert all(find(FLEET, name) for name in (*told.containers, *told.services))


def test_a_service_of_several_projects_must_be_named_with_its_project():
    with pytest.raises(UnknownTargetError, match="blog/db, shop/db"):
        find(FLEET, "db")
    assert names("blog/db") == ["blog_db_1"]


def test_a_name_beats_a_service_and_a_service_beats_an_id():
    assert names("lonely") == ["lonely"]
    with pytest.raises(UnknownTargetError, match="service of several projects"):
        find(FLEET, "db")


def test_what_could_be_several_is_refused_with_all_their_names():
    with pytest.raises(UnknownTargetError, match=r"any of 6 containers: blog_db_1 \(0{12} on docker\)") as refused:
        find(FLEET, "0000")
    assert "whole id" in refused.value.fix


@pytest.mark.parametrize(("who", "near"), [("shop_wbe_1", "shop_web_1"), ("wb", "web")])
def test_nobody_of_that_name_is_answered_with_those_who_are_near(who, near):
    with pytest.raises(UnknownTargetError) as refused:
        find(FLEET, who)
    assert "did you mean" in refused.value.fix
    assert near in refused.value.fix


def test_nobody_at_all_is_answered_without_a_guess():
    for who in ("", "zzz", "x" * 10_000, "\x1b[31m"):
        with pytest.raises(UnknownTargetError) as refused:
            find([], who)
        assert refused.value.fix == "`docker ps` names them all"
        assert "\x1b" not in refused.value.what


def test_a_service_without_containers_is_known_by_its_orders_or_its_full_name():
    ordered = [Service("shop", "web"), Service("blog", "db"), Service("shop", "db")]
    assert absent_service("web", ordered) == absent_service("shop/web", []) == Service("shop", "web")
    assert absent_service("blog/db", ordered) == Service("blog", "db")
    for vague in ("db", "wbe", "/web", "shop/", "a/b/c", "Shop/web", "shop/we b", "x" * 200 + "/web"):
        assert absent_service(vague, ordered) is None, vague
