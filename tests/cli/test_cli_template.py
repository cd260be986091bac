"""`interlock template`: what it says of good and of bad templates, and the built-in ones."""

import json

import pytest

from interlock.proxies.serving import program
from interlock.proxies.serving.templating import builtin_text

GOOD = '{% extends "builtin/haproxy.cfg.j2" %}\n'


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(program, "candidates", lambda *_: [])


def test_show_prints_a_built_in_template_as_it_is(run):
    assert run("template", "show") == (0, builtin_text("interlock.proxies.haproxy", "haproxy.cfg.j2"), "")
    assert run("template", "show", "--plugin", "nginx")[1] == builtin_text("interlock.proxies.nginx", "nginx.conf.j2")
    assert run("--plugin", "nginx", "template", "show", "tls.conf.j2")[1].endswith("{% endfor %}\n")


@pytest.mark.usefixtures("nothing_installed")
@pytest.mark.parametrize("plugin", ["haproxy", "nginx"])
def test_what_show_prints_is_good(run, tmp_path, plugin):
    mine = tmp_path / "mine.j2"
    mine.write_text(run("template", "show", "--plugin", plugin)[1])
    said = f"{mine}: good for {plugin} (no {plugin} is installed to judge what it makes)\n"
    assert run("template", "check", "--plugin", plugin, str(mine)) == (0, said, "")


@pytest.mark.usefixtures("nothing_installed")
def test_a_bad_one_is_told_with_its_line_and_variable_and_exit_code_2(run, tmp_path):
    mine = tmp_path / "mine.j2"
    mine.write_text(f"{GOOD}{{% block rules %}}\n    acl a src {{{{ frame.trustd }}}}\n{{% endblock %}}\n")
    code, out, err = run("template", "check", str(mine))
    assert (code, out) == (2, "")
    assert err.startswith(f"interlock: {mine}, line 3: frame has no trustd; did you mean trusted?\nfix: ")
    code, out, err = run("template", "check", str(mine), "--json")
    assert (code, err) == (2, "")
    fault = json.loads(out)["fault"]
    assert (fault["file"], fault["line"]) == (str(mine), 3)


@pytest.mark.usefixtures("nothing_installed")
def test_as_json_a_good_one_has_no_fault(run, tmp_path):
    mine = tmp_path / "mine.j2"
    mine.write_text(GOOD)
    code, out, _ = run("template", "check", str(mine), "--json")
    assert code == 0
    assert json.loads(out) == {"plugin": "haproxy", "file": str(mine), "judged_by": "", "fault": None}


def test_a_file_that_is_not_there_is_told(run, tmp_path):
    code, _, err = run("template", "check", str(tmp_path / "none.j2"))
    assert code == 2
    assert err.splitlines()[0] == f"interlock: {tmp_path}/none.j2: there is no such file"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check",), "which template?"),
        (("show", "sever.conf.j2", "--plugin", "nginx"), "did you mean server.conf.j2?"),
        (("show", "../render.py"), "there is no built-in template ../render.py"),
        (("show", "--plugin", "ngin"), "did you mean nginx?"),
        (("show", "--plugin", "nginx", "--plugin", "haproxy"), "a template is for one"),
    ],
)
def test_what_was_typed_wrongly_is_told(program, arguments, said):
    code, out, err = program("template", *arguments)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.real
def test_the_installed_proxy_judges(program, tmp_path):
    mine = tmp_path / "mine.j2"
    mine.write_text(GOOD)
    assert "good for haproxy (HAProxy version " in program("template", "check", str(mine))[1]
