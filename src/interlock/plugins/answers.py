"""What a third party's proxy plugin answers, looked at before anybody relies on it. Each raises TypeError."""

from collections.abc import Mapping
from typing import Any, TypeVar

from interlock.core.model import Match
from interlock.core.plan import Served, Serving, ServingRoute
from interlock.core.problems import Problem

T = TypeVar("T")


def of_type(type_: type[T], answer: Any) -> T:
    if not isinstance(answer, type_):
        raise TypeError(f"a {type(answer).__name__} instead of {type_.__name__}")
    return answer


def mapping(answer: Any) -> Mapping[Any, Any]:
    if not isinstance(answer, Mapping):
        raise TypeError(f"a {type(answer).__name__} instead of a mapping")
    return answer


def problems(answer: Any) -> tuple[Problem, ...]:
    return tuple(of_type(Problem, each) for each in of_type(tuple, answer))


def serving(answer: Any) -> Serving:
    """Down to the last server, since plans are made of it."""
    for match, route in mapping(answer).items():
        of_type(Match, match)
        of_type(str, of_type(ServingRoute, route).shape)
        for name, served in mapping(route.servers).items():
            of_type(str, name)
            of_type(str, of_type(Served, served).endpoint)
            of_type(int, served.weight)
            of_type(bool, served.takes_traffic)
    return mapping(answer)
