"""Which containers a rollout is about, and what their successors are called."""

import pytest

from interlock.core.overrides import Service
from interlock.rollout.documents import Listed
from interlock.rollout.events import RefusedError
from interlock.rollout.members import Name, find_members, successors


def listed(name, number=None, *, service="web", project="shop", state="running", **labels):
    told = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    if number is not None:
        told["com.docker.compose.container-number"] = str(number)
    return Listed(Id=name, Names=[f"/{name}"], State=state, Labels=told | labels)


ONE, TWO = listed("shop_web_1", 1), listed("shop_web_2", 2)


def names(members, taken=frozenset()):
    return [name for _, name in successors(members, taken)]


def test_running_containers_of_the_service_are_meant_by_number():
    others = [listed("shop_db_1", 1, service="db"), Listed(Id="x", Names=["/lonely"], State="running")]
    members = find_members([*others, TWO, ONE], "web", "")
    assert members.service == Service("shop", "web")
    assert [each.name for each in members.running] == ["shop_web_1", "shop_web_2"]


def test_who_does_not_run_or_was_run_once_is_not_replaced_but_keeps_its_number():
    oneoff = listed("shop_web_run_9", 9, **{"com.docker.compose.oneoff": "True"})
    stopped = listed("shop_web_3", 3, state="exited")
    members = find_members([ONE, oneoff, stopped], "web", "shop")
    assert [each.name for each in members.running] == ["shop_web_1"]
    assert members.numbers == {1, 3}


def test_a_service_of_several_projects_needs_its_projects_name():
    both = [ONE, listed("blog_web_1", 1, project="blog")]
    with pytest.raises(RefusedError, match="blog, shop") as refused:
        find_members(both, "web", "")
    assert refused.value.fix == "name one with --project blog"
    assert find_members(both, "web", "blog").service == Service("blog", "web")


def test_a_service_that_does_not_run_is_refused_with_one_that_does():
    with pytest.raises(RefusedError, match="no container of the Compose service wbe runs") as refused:
        find_members([ONE], "wbe", "")
    assert refused.value.fix == "did you mean web?"
    with pytest.raises(RefusedError, match="of the project blog") as refused:
        find_members([ONE], "web", "blog")
    assert "docker compose up" in refused.value.fix
    with pytest.raises(RefusedError):
        find_members([listed("shop_web_1", 1, state="exited")], "web", "")


def test_successors_have_the_lowest_free_numbers_and_the_style_of_their_predecessors():
    assert [name.now for name in names(find_members([ONE, TWO], "web", ""))] == ["shop_web_3", "shop_web_4"]
    later = [listed("shop-web-3", 3), listed("shop-web-4", 4)]
    assert names(find_members(later, "web", "")) == [
        Name(1, "shop-web-1", "shop-web-1"),
        Name(2, "shop-web-2", "shop-web-2"),
    ]


def test_a_name_that_somebody_else_has_is_passed_over():
    assert [name.now for name in names(find_members([ONE], "web", ""), frozenset({"shop_web_2"}))] == ["shop_web_3"]


def test_a_name_chosen_by_hand_is_given_back_afterwards():
    for name, number in (("frontend", 1), ("web1", 1), ("frontend", None)):
        (found,) = names(find_members([listed(name, number)], "web", ""))
        assert (found.now.startswith(f"{name}_"), found.afterwards) == (True, name)


@pytest.mark.parametrize("number", ["", "one", "٣", "-1", "9" * 50])
def test_a_number_that_is_none_disturbs_nobody(number):
    (name,) = names(find_members([listed("shop_web_1", number)], "web", ""))
    assert name.number == 1
