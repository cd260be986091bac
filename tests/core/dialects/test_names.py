import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.dialects import names

HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
PATH = re.compile(r"(?:/|(?:/[A-Za-z0-9._~+@:,=%-]+)+)")


@pytest.mark.parametrize(
    ("hostname", "domain", "host"),
    [
        ("demo", "interlock.com", "demo.interlock.com"),
        ("interlock.com", "interlock.com", "interlock.com"),
        ("Interlock.com", "interlock.COM", "interlock.COM"),
        ("", "interlock.com", "interlock.com"),
    ],
)
def test_a_hostname_and_a_domain_are_joined_unless_they_are_equal(hostname, domain, host):
    assert names.join(hostname, domain) == host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("www.example.com", "www.example.com"),
        ("WWW.Example.COM", "www.example.com"),
        ("www.example.com.", "www.example.com"),
        ("localhost", "localhost"),
        ("my_app.example.com", "my_app.example.com"),
        ("_a_.example.com", "_a_.example.com"),
        ("123.example.com", "123.example.com"),
        ("10.0.0.1", "10.0.0.1"),
        ("*.example.com", "*.example.com"),
        ("*.localhost", "*.localhost"),
        ("a" * 63 + ".com", "a" * 63 + ".com"),
        (".".join(["a" * 49] * 5) + ".com", ".".join(["a" * 49] * 5) + ".com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("my_app.bücher.example", "my_app.xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("www。example。com", "www.example.com"),
        ("\uff57\uff57\uff57.example.com", "www.example.com"),
        ("日本語テスト.example", "xn--zckzah9945czlbtz6h.example"),
        ("кто.рф", "xn--j1ail.xn--p1ai"),
    ],
)
def test_a_host_is_normalised(text, host):
    assert names.host(text).value == host
    assert names.host(text).remark is None


@pytest.mark.parametrize("text", ["www.example.com:8080", "WWW.example.com.:80", "www.example.com:"])
def test_a_port_is_dropped_with_a_remark(text):
    typed = names.host(text)

    assert typed.value == "www.example.com"
    assert "port" in typed.remark.what


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        ".example.com",
        "a..example.com",
        "a.com..",
        ":80",
        "-a.example.com",
        "a-.example.com",
        "a" * 64 + ".com",
        ".".join(["a" * 49] * 6),
        "*",
        "*.",
        "*.*",
        "*.*.com",
        "a.*.com",
        "a*.com",
        "**.com",
        "*.com",
        "*.10.0.0.1",
        "::1",
        "[::1]",
        "[::1]:80",
        "fe80::1%eth0",
        "256.1.1.1",
        "10.0.0",
        "010.0.0.1",
        "~^www\\..+$",
        "(a+)+$",
        "http://a.com",
        "a.com/x",
        "user@a.com",
        "a,b.com",
        "a.com b.com",
        " a.com",
        "a.com ",
        "-f /etc/shadow",
        "a || b",
        "!a.com",
        "${HOME}.com",
        "%[src].com",
        "{{7*7}}.com",
        "a\u200db.com",
        "a\u202eb.com",
        "1אב.com",
        "\u0440\u0430ypal.com",
        "xn--ypal-43d9g.com",
        "xn--a.com",
        "xn--.com",
        "℀.com",
        "\ud800.com",
    ],
)
def test_what_is_no_host_name_is_refused(text):
    typed = names.host(text)

    assert typed.value is None
    assert typed.remark.what


@pytest.mark.parametrize(
    ("character", "place"),
    list(
        product("\n\r\t\0\x0b\x0c\x7f\x85\xa0\u2028\u2029;{}#\"'\\$%&()<>|`^@!?/,", ("{}a.com", "a{}b.com", "a.com{}"))
    ),
)
def test_no_character_of_a_configuration_language_gets_into_a_host(character, place):
    typed = names.host(place.format(character))

    assert typed.value is None


@given(st.text() | st.text("aB1-._*:ü"))
def test_every_text_is_a_host_by_the_grammar_or_refused(text):
    typed = names.host(text)

    if typed.value is None:
        assert typed.remark.what
    else:
        assert HOST.fullmatch(typed.value)
        assert len(typed.value) <= names.HOST_LENGTH + len("*.")
        assert names.host(typed.value) == names.Typed(typed.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/app", "/app"),
        ("/app/", "/app"),
        ("/app//v1///", "/app/v1"),
        ("/a.b/~c/d+e@f:g,h=i-j", "/a.b/~c/d+e@f:g,h=i-j"),
        ("/b%C3%BCcher", "/b%C3%BCcher"),
        ("/haproxy/x", "/haproxy/x"),
        ("/...", "/..."),
        ("/" + "a" * 255, "/" + "a" * 255),
    ],
)
def test_a_path_is_normalised(text, path):
    assert names.path(text) == names.Typed(path)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("", "write /"),
        ("app", "write /app"),
        ("*", ""),
        ("/a b", "write /a%20b"),
        ("/bücher", "write /b%C3%BCcher"),
        ("/a?x=1", ""),
        ("/a#x", ""),
        ("/a;b", "write /a%3Bb"),
        ("/a{b}", "write /a%7Bb%7D"),
        ("/a\nb", ""),
        ("/app\n", ""),
        ("/a\\b", "write /a%5Cb"),
        ("/a$b", "write /a%24b"),
        ("/a.*(b)", "write /a.%2A%28b%29"),
        ("/a%", ""),
        ("/a%zz", ""),
        ("/.", ""),
        ("/a/../b", ""),
        ("/a/%2e%2E/b", ""),
        ("/a/.%2e", ""),
        ("/a%2Fb", ""),
        ("/a%5cb", ""),
        ("/a%00", ""),
        ("/a%0a", ""),
        ("/haproxy", "choose another path, like /app"),
        ("/haproxy/", "choose another path, like /app"),
        ("/%68aproxy", "choose another path, like /app"),
        ("/nginx_status", "choose another path, like /app"),
        ("/" + "a" * 256, ""),
    ],
)
def test_what_is_no_path_is_refused(text, fix):
    typed = names.path(text)

    assert typed.value is None
    assert typed.remark.what
    assert typed.remark.fix == fix


@given((st.text() | st.text("aB1-._/%2eE:")).map(lambda text: "/" + text))
def test_every_text_is_a_path_by_the_grammar_or_refused(text):
    typed = names.path(text)

    if typed.value is None:
        assert typed.remark.what
    else:
        assert PATH.fullmatch(typed.value)
        assert names.path(typed.value) == typed


@pytest.mark.parametrize("text", ["/", "/health", "/a/?b=c&d=%20(e)!*", "/" + "a" * 511])
def test_the_address_of_a_request_is_kept_as_it_is(text):
    assert names.uri(text) == names.Typed(text)


@pytest.mark.parametrize(
    "text",
    ["", "health", "/a b", "/a\r\nX: y", "/a#b", "/a'b", '/a"b', "/a\\b", "/a{b}", "/$a", "/%x", "/é", "/" + "a" * 512],
)
def test_what_no_request_line_can_hold_is_refused(text):
    assert names.uri(text).value is None


@pytest.mark.parametrize("grammar", [names.host, names.path, names.uri], ids=lambda grammar: grammar.__name__)
@pytest.mark.parametrize("unit", ["a", "a.", "/", "/a", "é", "*.", "%41", ":"])
def test_a_megabyte_is_refused_without_being_looked_at(grammar, unit):
    typed = grammar(unit * (1_048_576 // len(unit)))

    assert typed.value is None
    assert len(typed.remark.what) < 200
    assert len(typed.remark.fix) < 200
