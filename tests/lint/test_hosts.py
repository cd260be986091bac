import pytest

from interlock.lint import ComposeFile, Rule, examine


def service(name, host, *more):
    hostname, _, domain = host.partition(".")
    lines = [f"interlock.hostname: '{hostname}'", f"interlock.domain: {domain}", *more]
    return f"  {name}:\n    image: x\n    labels:\n" + "".join(f"      {line}\n" for line in lines)


def over(*files):
    """(file, service, rule) of what is found in files of these services."""
    texts = [ComposeFile(f"{number}.yaml", f"services:\n{''.join(each)}") for number, each in enumerate(files)]
    return [(finding.file, finding.service, finding.rule) for finding in examine(texts, {})]


def test_the_same_host_in_two_files_is_told_at_the_later_one():
    found = over([service("web", "www.example.com")], [service("site", "WWW.example.com")])

    assert found == [("1.yaml", "site", Rule.DUPLICATE_HOST)]


def test_an_alias_counts_as_a_host():
    found = over(
        [service("web", "www.example.com")], [service("site", "a.com", "interlock.alias_domain: www.example.com")]
    )

    assert found == [("1.yaml", "site", Rule.DUPLICATE_HOST)]


def test_other_options_are_mentioned():
    second = service("b", "www.example.com", "interlock.ssl_only: 'true'")
    files = [ComposeFile("a.yaml", f"services:\n{service('a', 'www.example.com')}{second}")]
    (finding,) = examine(files, {})

    assert "with other options, and those of the older container count" in finding.what
    assert "service a (a.yaml:2)" in finding.what


def test_in_one_file_a_weight_says_that_it_is_meant():
    canary = service("canary", "www.example.com", "interlock.weight: '5'")

    assert over([service("web", "www.example.com"), canary]) == []
    assert over([service("web", "www.example.com")], [canary]) == [("1.yaml", "canary", Rule.DUPLICATE_HOST)]


@pytest.mark.parametrize(
    ("wide", "narrow", "path"),
    [
        ("*.example.com", "www.example.com", "/"),
        ("*.example.com", "*.a.example.com", "/"),
        ("www.example.com", "www.example.com", "/shop"),
        ("*.example.com", "www.example.com", "/shop"),
    ],
)
def test_a_part_of_anothers_requests_is_told_at_the_one_that_takes_it(wide, narrow, path):
    taker = service("taker", narrow, f"interlock.context_root: {path}")

    assert over([service("web", wide)], [taker]) == [("1.yaml", "taker", Rule.SHADOWED_HOST)]
    assert over([taker], [service("web", wide)]) == [("0.yaml", "taker", Rule.SHADOWED_HOST)]
    assert over([service("web", wide), taker]) == []


def test_neighbours_do_not_shadow_each_other():
    first = service("web", "www.example.com", "interlock.context_root: /app")
    second = service("site", "www.example.com", "interlock.context_root: /apple")

    assert over([first], [second]) == []
    assert over([service("web", "*.example.com")], [service("site", "example.com", "interlock.port: '80'")]) == []
