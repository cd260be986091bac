import pytest

from interlock.lint import Rule


def labelled(text, *more):
    return "\n".join(["web:", "  image: x", "  labels:", *(f"    {line}" for line in (text, *more))])


def variable(text):
    return f"web:\n  image: x\n  environment:\n    {text}"


@pytest.mark.parametrize(
    ("text", "rule", "fix"),
    [
        ("- interlock.hostname: www", Rule.ITEM_IS_MAPPING, "write - interlock.hostname=www"),
        ("- interlock.ssl_only: true", Rule.ITEM_IS_MAPPING, "write - interlock.ssl_only=true"),
        ("- interlock.hostname: [www]", Rule.ITEM_IS_MAPPING, "put single quotes around the whole item"),
        ("- interlock.hostname =www", Rule.STRAY_SPACE, "write - interlock.hostname=www"),
        ("- interlock.hostname= www", Rule.STRAY_SPACE, "write - interlock.hostname=www"),
        ('- interlock.hostname="www"', Rule.QUOTES_INSIDE, "write - interlock.hostname=www"),
        ("interlock.hostname: '\"www\"'", Rule.QUOTES_INSIDE, "keep one pair: interlock.hostname: 'www'"),
        ("interlock.ssl_only: false", Rule.BOOLEAN, 'write interlock.ssl_only: "false"'),
        ("interlock.hostname=www:", Rule.EQUALS_IN_NAME, "write interlock.hostname: www"),
        ("interlock.hostname: [www]", Rule.NOT_A_TEXT, "put single quotes around the value"),
        ("interlocks.hostname: www", Rule.UNKNOWN_KEY, "write interlock.hostname"),
        ("inter-lock.port: '80'", Rule.UNKNOWN_KEY, "write interlock.port"),
        ("Interlock-Hostname: www", Rule.UNKNOWN_KEY, "write interlock.hostname"),
    ],
)
def test_a_label_that_is_not_what_it_looks_like_is_told_with_its_line(found, text, rule, fix):
    (finding,) = [finding for finding in found(labelled(text)) if finding.line == 5]

    assert (finding.rule, finding.service) == (rule, "web")
    assert finding.fix.startswith(fix)


@pytest.mark.parametrize(
    ("text", "rule", "fix"),
    [
        ("- 'INTERLOCK_DATA=\"{}\"'", Rule.QUOTES_INSIDE, "write - INTERLOCK_DATA={}"),
        ("INTERLOCK_DATA: {hostname: www}", Rule.NOT_A_TEXT, "put single quotes around the value"),
        ("- INTERLOCK_DATA: {hostname: www}", Rule.ITEM_IS_MAPPING, "put single quotes around the whole item"),
        ("- INTERLOCK-DATA={}", Rule.UNKNOWN_KEY, "write INTERLOCK_DATA"),
        ("interlock_data: '{}'", Rule.UNKNOWN_KEY, "write INTERLOCK_DATA"),
    ],
)
def test_a_variable_that_is_not_what_it_looks_like_is_told_with_its_line(found, text, rule, fix):
    first = found(variable(text))[0]

    assert (first.rule, first.line) == (rule, 5)
    assert first.fix.startswith(fix)


@pytest.mark.parametrize(
    "text",
    [
        "com.example.interlock.hostname: www",
        "interlocking: 'true'",
        "traefik.enable: true",
        "- traefik.enable = true",
        "- com.example: x",
    ],
)
def test_other_peoples_labels_are_none_of_our_business(found, text):
    rules = {finding.rule for finding in found(labelled(text))}

    assert rules <= {Rule.COMPOSE}


@pytest.mark.parametrize("text", ["INTERLOCK_DEBUG: 'true'", "- INTERLOCK_STATE_DIR=/x", "- DATA='x'", "MY_DATA: {}"])
def test_other_variables_are_none_of_our_business(found, text):
    assert not {finding.rule for finding in found(variable(text))} & {Rule.UNKNOWN_KEY, Rule.QUOTES_INSIDE}


def test_what_follows_from_a_broken_entry_is_not_told_too(only):
    assert only(labelled("- interlock.hostname: www", "- interlock.domain=example.com")).rule is Rule.ITEM_IS_MAPPING


def test_labels_that_are_one_text_are_told(found):
    first = found("web:\n  image: x\n  labels: interlock.hostname=www")[0]

    assert (first.rule, first.fix) == (Rule.NOT_A_TEXT, "write it as an item of a list: - interlock.hostname=www")
