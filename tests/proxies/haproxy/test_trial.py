"""Templates for HAProxy: tried out with sample sites, and in the place of the built-in one."""

import msgspec
import pytest

from interlock.core.model import Options
from interlock.core.problems import PermanentError
from interlock.proxies.haproxy.render import BUILTIN, CONFIG_TEMPLATE, Frame, render
from interlock.proxies.haproxy.trial import check_file, prove, render_samples
from interlock.proxies.serving.samples import samples
from interlock.proxies.serving.templating import TemplateError, builtin_text

PLAIN = Frame(admin_socket="/run/admin.sock", state_file="/server.state", http_port=80, stats_password="secret")
MINE = """\
{% extends "builtin/haproxy.cfg.j2" %}
{% block rules %}
    http-request deny deny_status 403 if { path_beg /internal }
{% endblock %}
"""


@pytest.fixture
def mine(folder):
    """The file of a template; open to everybody, as its folder is."""
    return folder / "mine.cfg.j2"


def framed(path, text):
    path.write_text(text)
    return msgspec.structs.replace(PLAIN, template=BUILTIN.replaced(path))


def fault_of(path, text):
    with pytest.raises(TemplateError) as caught:
        render_samples(framed(path, text))
    return caught.value


def test_the_built_in_one_lacks_nothing():
    assert render_samples(PLAIN).config == render(PLAIN, samples(verified=False)).config


def test_a_copy_of_the_built_in_one_makes_the_same(mine):
    copy = framed(mine, builtin_text("interlock.proxies.haproxy", CONFIG_TEMPLATE))
    for frame in (PLAIN, msgspec.structs.replace(PLAIN, https_port=443, certificates="/c", trusted=("10.0.0.0/8",))):
        own = msgspec.structs.replace(frame, template=copy.template)
        assert render(own, samples(verified=False)).files == render(frame, samples(verified=False)).files


def test_a_loop_over_the_backends_makes_what_the_backends_are_when_printed(mine):
    loop = """\
{% extends "builtin/haproxy.cfg.j2" %}
{% block backends %}
{% for backend in backends %}

backend {{ backend.name }}
{{ backend.rules }}{{ backend.servers }}
{%- endfor %}
{% endblock %}
"""
    assert render_samples(framed(mine, loop)).config == render_samples(PLAIN).config


def test_a_backend_tells_what_it_is_for(mine):
    told = MINE.replace("/internal", "/{{ backends | map(attribute='match') | map(attribute='host') | join(',') }}")
    told = told.replace("path_beg", "{{ backends[0].options.balance }}")
    assert "*.sample.invalid,closed.sample.invalid" in render_samples(framed(mine, told)).config


def test_with_a_template_of_ones_own_too_servers_do_not_change_the_generation(mine):
    frame = framed(mine, MINE)
    sites = samples(verified=False)
    fewer = [msgspec.structs.replace(site, servers=site.servers[:1]) for site in sites]
    assert render(frame, sites).generation == render(frame, fewer).generation
    assert render(frame, sites).generation != render(PLAIN, sites).generation


@pytest.mark.parametrize("wrong", ["{{ generation | upper }}", "{{ backends[0].servers | replace(0, 1000) }}"])
def test_what_is_put_in_later_must_be_written_as_it_is(mine, wrong):
    assert "went through a filter" in fault_of(mine, MINE.replace("/internal", wrong)).bare


@pytest.mark.parametrize(
    ("found", "instead", "what"),
    [
        ("level admin expose-fd listeners", "level operator", "`stats socket {{ frame.admin_socket }} level admin"),
        ("{{ frame.admin_socket }}", "/elsewhere.sock", "`stats socket {{ frame.admin_socket }} level admin"),
        ("    default-path config\n", "", "`default-path config`"),
        ("    set-var proc", "    # set-var proc", "a reload is confirmed"),
        ("{{ generation }}", "1", "a reload is confirmed"),
        ("map_beg({{ routes_map }})", "map_beg(/my.map)", "`map_beg({{ routes_map }})`"),
        ("backend {{ unknown_backend }}\n", "backend mine\n", "`backend {{ unknown_backend }}`"),
        ("backend {{ maintenance_backend }}\n", "backend mine\n", "`backend {{ maintenance_backend }}`"),
        ("{{ backends -}}", "", "a section for each of the backends"),
        ("{{ backends -}}", "{% for b in backends %}\nbackend {{ b.name }}\n{% endfor %}", "`{{ backend.servers }}`"),
        (
            "{{ backends -}}",
            "{% for b in backends %}\n{{ b }}{{ b.servers }}\n{% endfor %}",
            "`{{ backend.servers }}` in the section of each backend, once",
        ),
    ],
)
def test_one_that_lacks_what_live_changes_need_is_refused_with_what_is_missing(mine, found, instead, what):
    text = builtin_text("interlock.proxies.haproxy", CONFIG_TEMPLATE)
    assert found in text
    fault = fault_of(mine, text.replace(found, instead))
    assert what in fault.bare
    assert fault.file == str(mine)


# --- with HAProxy ---


@pytest.mark.real
async def test_a_good_one_is_good(mine, folder):
    mine.write_text(MINE)
    assert (await check_file(mine, folder, "")).startswith("HAProxy version ")


@pytest.mark.real
async def test_one_that_haproxy_refuses_is_told_with_the_line_to_blame(mine, folder):
    mine.write_text(MINE.replace("deny deny_status", "dny deny_status"))
    with pytest.raises(TemplateError, match="HAProxy refuses `http-request dny") as caught:
        await check_file(mine, folder, "")
    assert (caught.value.file, caught.value.line) == (str(mine), 3)


@pytest.mark.real
async def test_one_that_is_wrong_for_https_only_is_found_out_too(mine, folder):
    mine.write_text(MINE.replace("path_beg", "{% if frame.https_port %}{{ frame.cert }}{% endif %}path_beg"))
    with pytest.raises(TemplateError, match="frame has no cert"):
        await check_file(mine, folder, "")


@pytest.mark.real
async def test_a_program_that_is_not_haproxy_is_told(mine, folder):
    mine.write_text(MINE)
    with pytest.raises(PermanentError, match="is not haproxy"):
        await check_file(mine, folder, "/bin/true")


async def test_one_that_fails_for_the_real_sites_only_is_found_out(mine):
    text = MINE.replace("/internal", "{% if backends[0].name == 'a_com' %}{{ nobody }}{% endif %}/")
    real = [
        msgspec.structs.replace(
            samples(verified=False)[0], match=samples(verified=False)[0].match._replace(host="a.com")
        )
    ]
    with pytest.raises(TemplateError, match="there is no variable nobody"):
        await prove(framed(mine, text), real, print, print)


# --- in a running proxy ---


@pytest.mark.real
async def test_a_running_haproxy_serves_by_it_and_changes_servers_live(new_bench, mine, applications):
    mine.write_text(MINE)
    bench = await new_bench(template_path=str(mine))
    bench.want(applications.server("web_1"))
    await bench.settle()
    assert await bench.get() == (200, "web_1")
    assert (await bench.get(path="/internal/x"))[0] == 403
    reloads = bench.reloads
    bench.want(applications.server("web_1"), applications.server("web_2"))
    await bench.settle()
    assert set(await bench.shares(6)) == {"web_1", "web_2"}
    assert bench.reloads == reloads


@pytest.mark.real
async def test_a_new_host_waits_for_a_reload_since_nobody_knows_what_the_template_says_of_it(
    new_bench, mine, applications
):
    mine.write_text(MINE.replace("path_beg /internal", "req.hdr(host) -i new.com"))
    bench = await new_bench(template_path=str(mine))
    bench.want(applications.server("web_1"))
    await bench.settle()
    bench.seats = True
    bench.want(applications.server("web_2"), host="new.com", options=Options())
    reloads = bench.reloads
    await bench.settle()
    assert bench.reloads == reloads + 1
    assert (await bench.get("new.com"))[0] == 403


@pytest.mark.real
@pytest.mark.parametrize(
    "bad", [MINE.replace("deny deny", "dny deny"), MINE.replace("/internal", "{{ nobody }}"), "{%"]
)
async def test_a_bad_change_leaves_what_is_served_as_it_was_and_is_a_problem(new_bench, mine, applications, bad):
    mine.write_text(MINE)
    bench = await new_bench(template_path=str(mine))
    bench.want(applications.server("web_1"))
    await bench.settle()
    assert bench.proxy.refresh() == ""
    mine.write_text(bad)
    assert bench.proxy.refresh() == "template changed"
    await bench.load("template changed")
    assert bench.proxy.refresh() == ""
    (problem,) = bench.proxy.problems(None)
    assert problem.key == "HAPROXY_TEMPLATE_PATH"
    bench.want(applications.server("web_2"), host="new.com")
    await bench.settle()
    assert await bench.get() == (200, "web_1")
    assert await bench.get("new.com") == (200, "web_2"), "new sites go on with the last good template"
    assert (await bench.get(path="/internal/x"))[0] == 403
    mine.write_text(MINE.replace("403", "410"))
    assert bench.proxy.refresh() == "template changed"
    await bench.load("template changed")
    assert bench.proxy.problems(None) == ()
    assert (await bench.get(path="/internal/x"))[0] == 410


@pytest.mark.real
async def test_a_bad_one_at_a_start_leaves_the_last_good_one_in_force(new_bench, mine, applications):
    mine.write_text(MINE)
    first = await new_bench(template_path=str(mine))
    first.want(applications.server("web_1"))
    await first.settle()
    await first.proxy.close()
    mine.write_text("nonsense\n")
    second = await new_bench(template_path=str(mine), port=first.settings.port)
    assert await second.get() == (200, "web_1")
    assert (await second.get(path="/internal/x"))[0] == 403
    assert "it lacks" in second.proxy.problems(None)[0].what


@pytest.mark.real
async def test_a_first_one_that_is_bad_leaves_the_built_in_one_in_force_where_that_has_served(
    new_bench, mine, applications
):
    first = await new_bench()
    first.want(applications.server("web_1"))
    await first.settle()
    await first.proxy.close()
    mine.write_text("nonsense\n")
    second = await new_bench(template_path=str(mine), port=first.settings.port)
    assert await second.get() == (200, "web_1")
    assert "it lacks" in second.proxy.problems(None)[0].what


@pytest.mark.real
async def test_a_first_one_that_is_bad_is_fatal_and_haproxy_is_not_started(new_bench, mine, folder):
    mine.write_text("nonsense\n")
    with pytest.raises(PermanentError, match="it lacks"):
        await new_bench(template_path=str(mine))
    assert not (folder / "run" / "admin.sock").exists()
