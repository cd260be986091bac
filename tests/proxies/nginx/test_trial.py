"""Templates for NGINX: tried out with sample sites, and in the place of the built-in ones."""

import msgspec
import pytest

from interlock.core.problems import PermanentError
from interlock.proxies.nginx.frame import BUILTIN, Certificates, Frame, Live, Pair
from interlock.proxies.nginx.render import render
from interlock.proxies.nginx.trial import check_file, prove, render_samples
from interlock.proxies.serving.samples import samples
from interlock.proxies.serving.templating import TemplateError, builtin_text

PLAIN = Frame(control_socket="/run/control.sock", pid_file="/run/nginx.pid", temp_dir="/temp", http_port=80)
FULL = msgspec.structs.replace(PLAIN, https_port=443, trusted=("10.0.0.0/8",), syslog="127.0.0.1:514", max_body=1)
LIVE = msgspec.structs.replace(PLAIN, live=Live(("/lua.so",), "/lua", "/records.txt"))
FRAMES = (PLAIN, FULL, LIVE)
NAMES = ("nginx.conf.j2", "server.conf.j2", "tls.conf.j2")
MINE = """\
{% extends "builtin/nginx.conf.j2" %}
{% block http %}{{ super() }}    add_header X-Mine yes always;
{% endblock %}
"""
SERVER = """\
{% extends "builtin/server.conf.j2" %}
{% block rules %}
    if ($request_uri ~ ^/internal) { return 410; }
{% endblock %}
"""


def certificates_of(sites):
    pair = Pair("/c.pem", "/c.key")
    return Certificates({site.match.host: pair for site in sites[::2]}, default=pair)


@pytest.fixture
def mine(folder):
    """The file of a template; open to everybody, as its folder is."""
    return folder / "mine.conf.j2"


def framed(path, text, frame=PLAIN):
    path.write_text(text)
    return msgspec.structs.replace(frame, template=BUILTIN.replaced(path))


def builtin(name):
    return builtin_text("interlock.proxies.nginx", name)


def files_of(frame):
    sites = samples(verified=True)
    return render(frame, sites, certificates_of(sites)).files


@pytest.mark.parametrize("frame", FRAMES)
def test_the_built_in_one_lacks_nothing(frame):
    assert render_samples(frame, certificates_of).files == files_of(frame)


@pytest.mark.parametrize("frame", FRAMES)
def test_copies_of_the_built_in_ones_make_the_same(mine, folder, frame):
    for name in NAMES:
        (folder / name).write_text(builtin(name))
    assert files_of(framed(mine, builtin("nginx.conf.j2"), frame)) == files_of(frame)


def test_a_loop_over_the_pools_makes_what_the_pools_are_when_printed(mine):
    loop = """\
{% extends "builtin/nginx.conf.j2" %}
{% block pools %}
{% for pool in pools %}
{{ pool | indented }}
{% endfor %}
{% endblock %}
"""
    assert files_of(framed(mine, loop)) == files_of(PLAIN)


@pytest.mark.parametrize(
    ("name", "found", "instead", "what"),
    [
        ("nginx.conf.j2", "daemon off;", "daemon on;", "`daemon off;`"),
        ("nginx.conf.j2", "daemon off;", "# daemon off;", "`daemon off;`"),
        ("nginx.conf.j2", "frame.control_socket", "frame.pid_file", "over which NGINX is asked"),
        ("nginx.conf.j2", "location = /generation", "location /generation", "a reload is confirmed"),
        ("nginx.conf.j2", "{{ generation }}", "1", "a reload is confirmed"),
        ("nginx.conf.j2", "{{ lookup | indented }}", "", "`{{ lookup | indented }}`"),
        ("nginx.conf.j2", "{{ traits | indented }}", "", "`{{ traits | indented }}`"),
        ("nginx.conf.j2", "{{ pools | indented }}", "", "`{{ pools | indented }}`"),
        ("nginx.conf.j2", "init_by_lua_block", "init_worker_by_lua_block", "the `init_by_lua_block`"),
        ("nginx.conf.j2", "location = /put", "location = /push", "`location = /put`"),
        ("nginx.conf.j2", "location = /get", "location = /pull", "`location = /get`"),
        ("server.conf.j2", "set_by_lua_block $interlock_answer", "set_by_lua_block $mine", "the `set_by_lua_block`"),
        ("server.conf.j2", "log_by_lua_block", "header_filter_by_lua_block", "the `log_by_lua_block`"),
        ("server.conf.j2", "proxy_pass $interlock_scheme:", "proxy_pass http:", "`proxy_pass $interlock_scheme"),
    ],
)
def test_one_that_lacks_what_live_changes_need_is_refused_with_what_is_missing(mine, name, found, instead, what):
    folder = mine.parent
    for each in NAMES:
        (folder / each).write_text(builtin(each))
    assert found in builtin(name)
    (folder / name).write_text(builtin(name).replace(found, instead))
    frame = framed(mine, (folder / "nginx.conf.j2").read_text(), LIVE if "_by_lua" in found or "/" in found else PLAIN)
    with pytest.raises(TemplateError) as caught:
        render_samples(frame, certificates_of)
    assert what in caught.value.bare


async def test_one_that_fails_for_the_real_sites_only_is_found_out(mine):
    text = MINE.replace("yes", "{% if pools[0].match.host == 'a.com' %}{{ nobody }}{% endif %}yes")
    real = samples(verified=True)[1]
    real = msgspec.structs.replace(
        real, match=real.match._replace(host="a.com"), servers=samples(verified=True)[0].servers
    )
    with pytest.raises(TemplateError, match="there is no variable nobody"):
        await prove(framed(mine, text), [real], certificates_of, print, print)


@pytest.mark.real
async def test_a_good_one_is_good(mine, folder):
    mine.write_text(MINE)
    (folder / "server.conf.j2").write_text(SERVER)
    assert (await check_file(mine, folder, "")).startswith("nginx version: ")


@pytest.mark.real
@pytest.mark.parametrize(
    ("main", "server", "file", "line"),
    [
        (MINE.replace("    add_header", "\n    ad_header"), SERVER, "mine.conf.j2", 3),
        (MINE, SERVER.replace("410;", "410"), "server.conf.j2", 3),
    ],
)
async def test_one_that_nginx_refuses_is_told_with_the_line_to_blame(mine, main, server, file, line):
    folder = mine.parent
    mine.write_text(main)
    (folder / "server.conf.j2").write_text(server)
    with pytest.raises(TemplateError, match="NGINX refuses `") as caught:
        await check_file(mine, folder, "")
    assert (caught.value.file, caught.value.line) == (str(folder / file), line)


@pytest.mark.real
async def test_a_program_that_is_not_nginx_is_told(mine, folder):
    mine.write_text(MINE)
    with pytest.raises(PermanentError, match="is not nginx"):
        await check_file(mine, folder, "/bin/true")


# --- in a running proxy ---


@pytest.mark.real
async def test_a_running_nginx_serves_by_it(new_bench, mine, folder, applications):
    mine.write_text(MINE)
    (folder / "server.conf.j2").write_text(SERVER)
    bench = await new_bench(template_path=str(mine))
    bench.want(applications.server("web_1"))
    await bench.settle()
    assert await bench.get() == (200, "web_1")
    assert (await bench.get(path="/internal/x"))[0] == 410
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await bench.settle()
    assert set(await bench.shares(6)) == {"web_1", "web_2"}


@pytest.mark.real
@pytest.mark.parametrize("bad", [SERVER.replace("410;", "410"), SERVER.replace("410", "{{ nobody }}"), "{%"])
async def test_a_bad_change_leaves_what_is_served_as_it_was_and_is_a_problem(
    new_bench, mine, folder, applications, bad
):
    mine.write_text(MINE)
    server = folder / "server.conf.j2"
    server.write_text(SERVER)
    bench = await new_bench(template_path=str(mine))
    bench.want(applications.server("web_1"))
    await bench.settle()
    assert bench.proxy.refresh() == ""
    server.write_text(bad)
    assert bench.proxy.refresh() == "template changed"
    await bench.load("template changed")
    assert bench.proxy.refresh() == ""
    assert "NGINX_TEMPLATE_PATH" in {problem.key for problem in bench.proxy.problems(None)}
    bench.want(applications.server("web_2"), host="new.com")
    await bench.settle()
    assert await bench.get() == (200, "web_1")
    assert await bench.get("new.com") == (200, "web_2"), "new sites go on with the last good template"
    assert (await bench.get(path="/internal/x"))[0] == 410
    server.write_text(SERVER.replace("410", "418"))
    await bench.load("template changed")
    assert "NGINX_TEMPLATE_PATH" not in {problem.key for problem in bench.proxy.problems(None)}
    assert (await bench.get(path="/internal/x"))[0] == 418


@pytest.mark.real
async def test_a_bad_one_at_a_start_leaves_the_last_good_one_in_force(new_bench, mine, folder, applications):
    mine.write_text(MINE)
    (folder / "server.conf.j2").write_text(SERVER)
    first = await new_bench(template_path=str(mine))
    first.want(applications.server("web_1"))
    await first.settle()
    await first.proxy.close()
    mine.write_text("nonsense\n")
    second = await new_bench(template_path=str(mine), port=first.settings.port)
    assert await second.get() == (200, "web_1")
    assert (await second.get(path="/internal/x"))[0] == 410
    assert "NGINX_TEMPLATE_PATH" in {problem.key for problem in second.proxy.problems(None)}


@pytest.mark.real
async def test_a_first_one_that_is_bad_is_fatal_and_nginx_is_not_started(new_bench, mine, folder):
    mine.write_text("nonsense\n")
    with pytest.raises(PermanentError, match="it lacks"):
        await new_bench(template_path=str(mine))
    assert not (folder / "run" / "control.sock").exists()
