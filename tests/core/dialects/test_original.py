"""What the original made of 39 + 52 container sets and its own tests of labels; where we differ, data says why."""

import json
from pathlib import Path

import pytest

from interlock.core.addresses import Address, locate
from interlock.core.dialects import read
from interlock.core.events import View
from interlock.core.model import (
    Attachment,
    Binding,
    CheckKind,
    Container,
    Options,
    Port,
    Wishes,
)

VECTORS = Path(__file__).parents[2] / "data" / "vectors"
DIFFERENCES = json.loads((VECTORS / "differences.json").read_text())
VERSIONS = ("interlock-v0.3.3", "interlock-v1.4.5")


def load(version):
    return json.loads((VECTORS / f"{version}.json").read_text())["cases"]


CASES = [pytest.param(version, case, id=f"{version}: {case['name']}") for version in VERSIONS for case in load(version)]
WISHES = Wishes.__struct_fields__
LABEL_TESTS = json.loads((VECTORS / "labels-v1.4.5.json").read_text())["label_tests"]


def inspected(document):
    """A container of the 0.3.3 cases: an inspect document."""
    config, ports = document["Config"], document["NetworkSettings"]["Ports"]
    environment = dict(reversed([entry.split("=", 1) for entry in config["Env"]]))
    return Container(
        engine="e",
        id=document["Id"],
        name=document["Name"].removeprefix("/"),
        hostname=config["Hostname"],
        domainname=config["Domainname"],
        environment={key: value for key, value in environment.items() if key == "INTERLOCK_DATA"},
        exposed=tuple(Port(int(key.split("/")[0]), key.split("/")[1]) for key in ports),
        bindings=tuple(
            Binding(int(key.split("/")[0]), key.split("/")[1], bound["HostIp"], int(bound["HostPort"]))
            for key, bindings in ports.items()
            for bound in bindings or ()
        ),
        attachments=(Attachment("bridge", "b0", document["NetworkSettings"]["IPAddress"]),),
    )


def listed(document, networks):
    """A container of the 1.4.5 cases: an entry of a list, and the networks that list it."""
    places = [(network, network["Containers"].get(document["Id"])) for network in networks.values()]
    return Container(
        engine="e",
        id=document["Id"],
        name=document["Names"][0].rpartition("/")[2],
        labels=document["Labels"],
        exposed=tuple(Port(port["PrivatePort"], port["Type"]) for port in document["Ports"]),
        bindings=tuple(
            Binding(port["PrivatePort"], port["Type"], port["IP"], port["PublicPort"])
            for port in document["Ports"]
            if port.get("PublicPort")
        ),
        attachments=tuple(
            Attachment(
                network["Name"],
                network["Id"],
                place.get("IPv4Address", "").partition("/")[0],
                place.get("IPv6Address", "").partition("/")[0],
            )
            for network, place in places
            if place
        ),
    )


def containers(case):
    given = case["input"]
    if "networks" in given:
        return [listed(document, given["networks"]) for document in given["containers"]]
    return [inspected(document) for document in given["containers"]]


def check_text(check):
    if check.kind is CheckKind.TCP:
        return ""
    assert check.kind is CheckKind.HTTP
    version = "" if check.version == "HTTP/1.0" else f" {check.version}"
    return f"httpchk {check.method} {check.uri}{version}"


def fold(case):
    """Match -> options and upstreams that we make of a case; the oldest container to name an option wins."""
    override = case["input"].get("ext_config", {}).get("BackendOverrideAddress", "")
    view = View(engine="e", on_paper=True, override_address=override)
    hosts = {}
    for container in sorted(containers(case), key=lambda container: container.age_order):
        for request in read(container).requests:
            address = locate(request, container, view)
            if not isinstance(address, Address):
                continue
            for match in request.matches:
                wishes, upstreams = hosts.setdefault(match, ({}, []))
                for field in WISHES:
                    if getattr(request.wishes, field) is not None:
                        wishes.setdefault(field, getattr(request.wishes, field))
                upstreams.append([container.name, address.endpoint])
    return {match: (Options(**wishes), upstreams) for match, (wishes, upstreams) in sorted(hosts.items())}


def worded(match, options, upstreams):
    return {
        "domain": match.host,
        "path": match.path,
        "upstreams": upstreams,
        "check": check_text(options.check),
        "interval": options.check_interval,
        "ssl_only": options.ssl_only,
        "ssl_backend": options.ssl_backend,
        "verify": str(options.ssl_backend_verify) if options.ssl_backend else "none",
        "balance": str(options.balance),
        "options": list(options.backend_options),
        "rewrite": options.rewrite,
    }


def original(case):
    """The original's own answer; an empty balance is HAProxy's default, and verify counts with TLS only."""
    return sorted(
        (
            {
                "domain": host["Domain"],
                "path": host.get("ContextRoot", {}).get("Path") or "/",
                "upstreams": [[upstream["Container"], upstream["Addr"]] for upstream in host["Upstreams"]],
                "check": host["Check"],
                "interval": host["Upstreams"][0]["CheckInterval"],
                "ssl_only": host["SSLOnly"],
                "ssl_backend": host["SSLBackend"],
                "verify": host["SSLBackendTLSVerify"] if host["SSLBackend"] else "none",
                "balance": host["BalanceAlgorithm"] or "roundrobin",
                "options": host["BackendOptions"] or [],
                "rewrite": host.get("ContextRootRewrite", False),
            }
            for host in case["haproxy"]["hosts"] or ()
        ),
        key=lambda host: (host["domain"], host["path"]),
    )


def on_nginx(ssl, certificate, key, websockets):
    return {"ssl": ssl, "certificate": certificate, "key": key, "websockets": sorted(set(websockets))}


def ours_on_nginx(case):
    """Domain -> what the original did on NGINX only."""
    return {
        match.host: on_nginx(
            options.ssl, options.ssl_certificate, options.ssl_certificate_key, options.websocket_endpoints
        )
        for match, (options, _) in fold(case).items()
    }


def original_on_nginx(case):
    directory = "/certs/"
    return {
        name: on_nginx(
            host["SSL"],
            host["SSLCert"].removeprefix(directory),
            host["SSLCertKey"].removeprefix(directory),
            host["WebsocketEndpoints"] or (),
        )
        for host in case["nginx"]["hosts"] or ()
        for name in host["ServerNames"]
    }


@pytest.mark.parametrize(("version", "case"), CASES)
def test_the_hosts_are_the_original_s_unless_the_difference_is_listed(version, case):
    difference = DIFFERENCES[version].get(case["name"], {})

    made = [worded(match, *rest) for match, rest in fold(case).items()]

    assert made == difference.get("hosts", original(case))


@pytest.mark.parametrize(("version", "case"), CASES)
def test_certificates_and_websockets_are_the_original_s_unless_the_difference_is_listed(version, case):
    difference = DIFFERENCES[version].get(case["name"], {})
    made, theirs = ours_on_nginx(case), original_on_nginx(case)
    both = made.keys() & theirs.keys()

    assert {domain: made[domain] for domain in both} == difference.get(
        "nginx", {domain: theirs[domain] for domain in both}
    )


ANSWERS = {
    "AliasDomains": lambda request, _: sorted(match.host for match in request.matches[1:]),
    "BackendOptions": lambda _, options: list(options.backend_options),
    "BalanceAlgorithm": lambda _, options: str(options.balance),
    "ContextRoot": lambda request, _: request.matches[0].path,
    "ContextRootRewrite": lambda _, options: options.rewrite,
    "Domain": lambda request, _: request.matches[0].host.removeprefix("www."),
    "HealthCheck": lambda _, options: check_text(options.check),
    "HealthCheckInterval": lambda _, options: options.check_interval,
    "Hostname": lambda request, _: request.matches[0].host.partition(".")[0],
    "OverlayEnabled": lambda request, _: request.network is not None,
    "SSLBackend": lambda _, options: options.ssl_backend,
    "SSLCertKey": lambda _, options: options.ssl_certificate_key,
    "SSLCertName": lambda _, options: options.ssl_certificate,
    "SSLEnabled": lambda _, options: options.ssl,
    "SSLOnly": lambda _, options: options.ssl_only,
    "WebsocketEndpoints": lambda _, options: list(options.websocket_endpoints),
}
"""Function of the original -> the same out of our request."""


@pytest.mark.parametrize("case", LABEL_TESTS, ids=lambda case: case["go_test"])
def test_the_original_s_own_tests_of_labels_hold_unless_the_difference_is_listed(case):
    expected = DIFFERENCES["labels-v1.4.5"].get(case["go_test"], case)["expected"]
    labels = {"interlock.hostname": "www"} | case["labels"]
    network = case.get("network")
    if network:
        labels["interlock.network"] = network["Name"]
    document = {"Id": case.get("container_id", "c1"), "Names": ["/c1"], "Labels": labels}
    document["Ports"] = [port | {"Type": "tcp"} for port in case.get("ports", ())]
    container = listed(document, {"n": {"Id": network["ID"]} | network} if network else {})
    (request,) = read(container).requests

    if case["function"].endswith("Address"):
        answer = locate(request, container, View(engine="e", on_paper=True, override_address=case.get("override", "")))
        assert answer.endpoint == expected
    else:
        options = Options(**{field: value for field in WISHES if (value := getattr(request.wishes, field)) is not None})
        assert ANSWERS[case["function"]](request, options) == expected


def test_no_difference_is_listed_for_a_case_that_is_not_there():
    named = {version: {case["name"] for case in load(version)} for version in VERSIONS}
    named["labels-v1.4.5"] = {case["go_test"] for case in LABEL_TESTS}

    for version, differences in DIFFERENCES.items():
        assert differences.keys() <= named[version]


def test_no_difference_is_listed_that_is_none():
    for version in VERSIONS:
        for case in load(version):
            difference = DIFFERENCES[version].get(case["name"], {})
            assert difference.get("hosts") != original(case)
            assert difference.get("nginx") != original_on_nginx(case)
