"""Templates: whose they are, what they may do, and what is said of those that are wrong."""

import msgspec
import pytest

from interlock.proxies.nginx.frame import BUILTIN
from interlock.proxies.serving import templating
from interlock.proxies.serving.templating import TemplateError, builtin_text, indented

MAIN = "nginx.conf.j2"


class Frame(msgspec.Struct):
    http_port: int = 80
    live: bool = False


@pytest.fixture
def written(tmp_path):
    """Writes the operator's templates, the first one as the main one."""

    def write(text, /, **others):
        (tmp_path / "mine.j2").write_text(text)
        for name, other in others.items():
            (tmp_path / f"{name}.j2").write_text(other)
        return BUILTIN.replaced(tmp_path / "mine.j2")

    return write


def fault_of(template, **variables):
    with pytest.raises(TemplateError) as caught:
        template.render(MAIN, {"frame": Frame(), **variables})
    return caught.value


def test_without_a_file_of_the_operators_the_built_in_one_is_taken():
    assert not BUILTIN.is_custom
    assert BUILTIN.sources == {}
    assert BUILTIN.look() == {}
    assert fault_of(BUILTIN).file == f"builtin/{MAIN}"


def test_a_template_of_the_operators_stands_in_its_place(written):
    assert written("port {{ frame.http_port }}\n").render(MAIN, {"frame": Frame()}) == "port 80\n"


def test_it_may_extend_the_built_in_one(written, monkeypatch):
    monkeypatch.setattr(templating, "builtin_text", lambda *_: "a\n{% block b %}\nb\n{% endblock %}\n")
    text = '{% extends "builtin/nginx.conf.j2" %}\n{% block b %}{{ super() }}more\n{% endblock %}\n'
    assert written(text).render(MAIN, {}) == "a\nb\nmore\n"


def test_it_may_take_others_from_its_folder(written):
    template = written('{% include "other.j2" %}', other="{{ 1 + 1 }}\n")
    assert template.render(MAIN, {}) == "2\n"
    assert set(template.sources) == {MAIN, "other.j2"}


def test_another_template_of_interlocks_is_replaced_by_one_beside_it(written, tmp_path):
    template = written("", **{"tls.conf": "mine\n"})
    assert template.render("tls.conf.j2", {}) == "mine\n"
    (tmp_path / "tls.conf.j2").unlink()
    assert builtin_text("interlock.proxies.nginx", "tls.conf.j2").splitlines()[-1] == "{% endfor %}"
    with pytest.raises(TemplateError, match=r"builtin/tls\.conf\.j2, line 2: there is no variable frame"):
        written("").render("tls.conf.j2", {})


@pytest.mark.parametrize("name", ["../other.j2", "/etc/passwd", "sub/other.j2", "builtin/../render.py", "none.j2"])
def test_it_can_take_nothing_from_elsewhere(written, name, tmp_path):
    (tmp_path / "sub").mkdir()
    for place in (tmp_path.parent, tmp_path / "sub"):
        (place / "other.j2").write_text("")
    fault = fault_of(written(f'\n{{% include "{name}" %}}'))
    assert (fault.line, fault.bare) == (2, f"there is no template {name}")


def test_an_unknown_variable_is_told_with_file_line_and_the_one_that_may_be_meant(written, tmp_path):
    fault = fault_of(written("a\n\n{{ fram.http_port }}"))
    assert str(fault).startswith(f"{tmp_path}/mine.j2, line 3: there is no variable fram; did you mean frame?")


def test_an_unknown_field_is_told_with_whose_it_would_be(written):
    fault = fault_of(written("a\n{{ frame.http_prt }}"))
    assert (fault.line, fault.bare) == (2, "frame has no http_prt; did you mean http_port?")


def test_the_file_and_line_are_those_of_the_template_that_was_taken(written, tmp_path):
    fault = fault_of(written('{% include "other.j2" %}', other="a\n\n\n{{ nobody }}"))
    assert (fault.file, fault.line) == (f"{tmp_path}/other.j2", 4)


def test_a_mistake_in_its_language_is_told_with_its_line(written, tmp_path):
    fault = fault_of(written("a\n{% if frame %}\n"))
    assert (fault.file, fault.line) == (f"{tmp_path}/mine.j2", 2)
    assert "endif" in fault.bare


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ frame.http_port | nothing }}", "No filter named 'nothing'"),
        ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "RecursionError"),
        ("{{ 'a$b' | word }}", "a$b has a dollar"),
        ("{{ frame.http_port() }}", "TypeError"),
        ("{{ frame.__class__ }}", "SecurityError"),
        ("{{ ''.__class__.__mro__ }}", "SecurityError"),
        ("{{ '{0.__class__}'.format(frame) }}", "SecurityError"),
        ("{% set _ = [].append(1) %}", "SecurityError"),
    ],
)
def test_whatever_it_raises_is_told_with_its_line(written, text, what):
    fault = fault_of(written(f"a\n{text}"))
    assert fault.line == 2
    assert what in fault.bare


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    ],
)
def test_one_that_would_not_end_is_ended(written, text, monkeypatch):
    monkeypatch.setattr(templating, "RENDER_SECONDS", 0.2)
    assert "longer than 0.2 s" in fault_of(written(text)).bare


def test_one_that_makes_too_much_is_ended(written, monkeypatch):
    monkeypatch.setattr(templating, "LARGEST_TEXT", 1000)
    assert "what it makes is longer" in fault_of(written("{% for a in range(9999) %}{{ a }}{% endfor %}")).bare


def test_a_file_that_is_not_there_is_told(tmp_path):
    fault = fault_of(BUILTIN.replaced(tmp_path / "none.j2"))
    assert str(fault) == f"{tmp_path}/none.j2: there is no such file (fix: correct its path)"


def test_a_file_that_cannot_be_read_as_text_is_told(written, tmp_path):
    template = written("")
    (tmp_path / "mine.j2").write_bytes(b"\xff\xfe")
    assert "it cannot be read: 'utf-8'" in fault_of(template).bare
    (tmp_path / "mine.j2").write_bytes(b"x" * (templating.LARGEST_TEMPLATE + 1))
    assert "it is longer than 1 MB" in fault_of(template).bare


def test_what_was_used_can_be_used_again_without_the_files(written, tmp_path):
    template = written('{% include "other.j2" %}', other="{{ frame.http_port }}")
    template.render(MAIN, {"frame": Frame()})
    (tmp_path / "other.j2").unlink()
    (tmp_path / "mine.j2").unlink()
    again = BUILTIN.replaced(tmp_path / "mine.j2", kept=template.sources)
    assert again.render(MAIN, {"frame": Frame(81)}) == "81"


def test_a_look_tells_what_is_there_now(written, tmp_path):
    template = written('{% include "other.j2" %}', other="old")
    template.render(MAIN, {})
    assert template.look() == template.sources
    (tmp_path / "other.j2").write_text("new")
    assert template.look() == {**template.sources, "other.j2": "new"}
    (tmp_path / "mine.j2").unlink()
    assert template.look()[MAIN] == "there is no such file"


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("gzp on;", "mine.j2, line 2"),
        ("other;", "other.j2, line 1"),
        ("twice;", "mine.j2"),
        ("made;", "mine.j2"),
        ("", "mine.j2"),
    ],
)
def test_what_a_proxy_refuses_is_told_with_the_one_line_that_wrote_it(written, tmp_path, line, place):
    template = written('{% include "other.j2" %}\n{% if true %}gzp on;\n{% endif %}twice;\ntwice;\n', other="other;")
    template.render(MAIN, {})
    refusal = template.refusal("NGINX", line, "unknown directive")
    what = f"`{line}`" if line else "what it makes of sample sites"
    assert str(refusal).startswith(f"{tmp_path}/{place}: NGINX refuses {what}: unknown directive")


def test_indented_lines_are_four_spaces_further_to_the_right():
    assert indented("a\n\n  b\n") == "    a\n\n      b"
