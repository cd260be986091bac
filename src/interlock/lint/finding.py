"""What is wrong with a Compose file, and the rule that says so."""

import enum
from types import MappingProxyType

import msgspec

from interlock.core.problems import Severity


class Rule(enum.StrEnum):
    """Names a kind of mistake, for `--ignore` and for reports."""

    NO_COMPOSE_FILE = "no-compose-file"
    COMPOSE = "compose"
    ITEM_IS_MAPPING = "item-is-mapping"
    NOT_A_TEXT = "not-a-text"
    QUOTES_INSIDE = "quotes-inside"
    STRAY_SPACE = "stray-space"
    BOOLEAN = "boolean"
    EQUALS_IN_NAME = "equals-in-name"
    DEPLOY_LABELS = "deploy-labels"
    UNKNOWN_KEY = "unknown-key"
    REQUEST = "request"
    DUPLICATE_HOST = "duplicate-host"
    SHADOWED_HOST = "shadowed-host"
    MISSING_PORT = "missing-port"
    OTHER_PORT = "other-port"
    TAKEN_PORT = "taken-port"
    UNKNOWN_NETWORK = "unknown-network"
    NO_SHARED_NETWORK = "no-shared-network"
    NO_ADDRESS = "no-address"
    NO_HEALTHCHECK = "no-healthcheck"
    SHORT_GRACE = "short-grace"
    KILL_SIGNAL = "kill-signal"


MEANINGS = MappingProxyType(
    {
        Rule.NO_COMPOSE_FILE: "the file is no YAML, or has no services",
        Rule.COMPOSE: "a value that Compose refuses, or takes for another than is meant: a dollar that begins no "
        "variable, a variable that is not set, a key that stands there twice, a port that is none",
        Rule.ITEM_IS_MAPPING: "an item of a list became a mapping, since it has a colon and a space in it",
        Rule.NOT_A_TEXT: "a mapping or a list where one text has to be: JSON without quotes around it",
        Rule.QUOTES_INSIDE: "quotes that become part of the value, as behind the = of a list's item",
        Rule.STRAY_SPACE: "a space beside the = of a list's item becomes part of the name or of the value",
        Rule.BOOLEAN: "true or false without quotes, which docker-compose 1.x and `docker stack deploy` refuse",
        Rule.EQUALS_IN_NAME: "a mapping's key holds name=value, as an item of a list would",
        Rule.DEPLOY_LABELS: "labels below deploy, which are the swarm service's, not its containers'",
        Rule.UNKNOWN_KEY: "a key that nobody knows, with the one that it resembles",
        Rule.REQUEST: "anything else that Interlock would report of the container: a value that is none, a missing "
        "domain",
        Rule.DUPLICATE_HOST: "two services ask for the same host and path; in one file not if one names its weight",
        Rule.SHADOWED_HOST: "a service takes a part of what another file's service asks for: a path, or a name below "
        "its wildcard",
        Rule.MISSING_PORT: "several ports, and none is named",
        Rule.OTHER_PORT: "the port that is named is not among those of the file; its image may expose it",
        Rule.TAKEN_PORT: "two containers publish the same port of the host",
        Rule.UNKNOWN_NETWORK: "a network is named that the service is not on, or not by the name that Docker knows",
        Rule.NO_SHARED_NETWORK: "Interlock is in one of the files, and on no network of the service",
        Rule.NO_ADDRESS: "the service has no network that leads to it",
        Rule.NO_HEALTHCHECK: "ready is required or preferred, and the file has no healthcheck; its image may have one",
        Rule.SHORT_GRACE: "stop_grace_period is shorter than the time that the proxy gives a request",
        Rule.KILL_SIGNAL: "stop_signal ends the container at once, with the requests that it has",
    }
)
"""For the docs."""


class Finding(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """One mistake, where it stands."""

    file: str
    line: int
    """From 1; 0 for the file as a whole."""
    rule: Rule
    severity: Severity
    service: str = ""
    key: str = ""
    """The user's own word for the place: ``label interlock.port``."""
    value: str = ""
    """The offending value, made printable and cut; "" when there is none."""
    what: str
    """One clause without a full stop."""
    fix: str
    """One imperative clause without a full stop."""
