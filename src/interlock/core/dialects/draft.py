"""A route request in the making: takes one value after the other, notes problems, gives the request if it may."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from interlock.core.dialects import names
from interlock.core.dialects.fields import Field
from interlock.core.dialects.typed import Remark, refused
from interlock.core.model import Balance, Container, HealthCheck, Match, Ready, RouteRequest, Wishes
from interlock.core.problems import Problem, Severity, shown

ITEM_LIMIT = 100
"""Aliases, options or endpoints that one container may have of each."""


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What a container asks for, and what of it cannot be done."""

    requests: tuple[RouteRequest, ...] = ()
    problems: tuple[Problem, ...] = ()


class Name(NamedTuple):
    """One half of a host, and where it was asked for."""

    key: str
    text: str


class Draft:
    """What one container says in one dialect."""

    def __init__(self, container: Container, dialect: str, origins: Mapping[str, str] = MappingProxyType({})) -> None:
        """`origins` names the keys of fields that others will miss where they were not given."""
        self.problems: list[Problem] = []
        self._container = container
        self._dialect = dialect
        self._values: dict[str, Any] = {}
        self._origins = dict(origins)

    def complain(self, key: str, value: object, remark: Remark, severity: Severity = Severity.WARNING) -> None:
        """Note a problem with what the user wrote under a key of theirs."""
        self.problems.append(
            Problem(
                container=self._container.name,
                container_id=self._container.id,
                engine=self._container.engine,
                key=key,
                value=shown(value),
                what=remark.what,
                fix=remark.fix,
                severity=severity,
            )
        )

    def take(self, field: Field, key: str, value: Any, *, fix: str, cost: Severity) -> None:
        """Read one value of a field; a refused one costs what the key's table says."""
        typed = field.grammar(value)
        if typed.remark is not None:
            severity = cost if typed.value is None else Severity.WARNING
            self.complain(key, value, Remark(typed.remark.what, typed.remark.fix or fix), severity)
        if typed.value is not None:
            self._values[field.name] = typed.value
            self._origins[field.name] = key

    def take_all(self, field: Field, items: Iterable[tuple[str, object]], *, fix: str) -> None:
        """Read a list of (key, text); a refused item costs itself, one too many all that follow it."""
        found: dict[Any, None] = {}
        for count, (key, item) in enumerate(items):
            if count == ITEM_LIMIT:
                what = f"comes after {ITEM_LIMIT} others; it and what follows is ignored"
                self.complain(key, item, Remark(what, "ask for fewer"))
                break
            typed = field.grammar(item) if isinstance(item, str) else refused("is an item that is not a text")
            if typed.remark is not None:
                self.complain(key, item, Remark(typed.remark.what, typed.remark.fix or fix))
            if typed.value is not None:
                found[typed.value] = None
                self._origins.setdefault(field.name, key)
        if found:
            self._values[field.name] = tuple(found)

    def reading(self, hostname: Name, domain: Name) -> Reading:
        """Make the request for the host that the two names make; a bad host costs it all."""
        joined = names.join(hostname.text, domain.text)
        host, alone = names.host(joined), names.host(domain.text)
        blamed = domain if alone.remark is not None else Name(hostname.key, joined)
        remark = alone.remark or host.remark
        if remark is not None:
            self.complain(blamed.key, blamed.text, remark, Severity.ERROR if host.value is None else Severity.WARNING)
        if host.value is None or any(problem.severity is Severity.ERROR for problem in self.problems):
            return self.nothing()
        self._origins["matches"] = hostname.key
        request = self._request(host.value)
        return Reading((request,), self.nothing().problems)

    def nothing(self) -> Reading:
        """No request, only what was wrong."""
        return Reading((), tuple(sorted(set(self.problems))))

    def _request(self, host: str) -> RouteRequest:
        self._settle_options()
        self._settle_balance()
        values = self._values
        path = values.pop("path", "/")
        hosts = dict.fromkeys((host, *values.pop("aliases", ())))
        return RouteRequest(
            container=self._container.key,
            dialect=self._dialect,
            matches=tuple(Match(host, path) for host in hosts),
            port=values.pop("port", None),
            network=values.pop("network", None),
            warm=values.pop("warm", None),
            ready=values.pop("ready", Ready.REQUIRE),
            weight=values.pop("weight", 100),
            wishes=Wishes(**values),
            origins=dict(sorted(self._origins.items())),
        )

    def _settle_balance(self) -> None:
        """``ip_hash`` is a way to balance; an algorithm that was named has precedence over it."""
        hashed = self._values.pop("ip_hash", False)
        key = self._origins.pop("ip_hash", "")
        if not hashed:
            return
        if "balance" not in self._values:
            self._values["balance"] = Balance.SOURCE
            self._origins["balance"] = key
        elif self._values["balance"] is not Balance.SOURCE:
            other = self._origins["balance"]
            self.complain(key, "true", Remark(f"contradicts {other}, which counts", f"keep one of {key} and {other}"))

    def _settle_options(self) -> None:
        """A health check or an algorithm among the backend options is one; under its own key it has precedence."""
        entries = self._values.pop("backend_options", ())
        key = self._origins.pop("backend_options", "")
        checks = [entry for entry in entries if isinstance(entry, HealthCheck)]
        methods = [entry for entry in entries if isinstance(entry, Balance)]
        options = [entry for entry in entries if isinstance(entry, str) and not isinstance(entry, Balance)]
        self._settle_hidden("check", "health check", checks, key)
        self._settle_hidden("balance", "algorithm", methods, key)
        if options:
            self._values["backend_options"] = tuple(sorted(options))
            self._origins["backend_options"] = key

    def _settle_hidden(self, field: str, word: str, found: list[HealthCheck] | list[Balance], key: str) -> None:
        """Take what was found among the backend options for a field of its own, if that has nothing else."""
        if not found:
            return
        if field not in self._values:
            self._values[field] = found[0]
            self._origins[field] = key
        if any(each != self._values[field] for each in found):
            what = f"asks for another {word} than {self._origins[field]}, which counts"
            self.complain(key, "", Remark(what, f"ask for one {word}"))
