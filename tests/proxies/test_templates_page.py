"""docs/templates.md says what templates are given, and its examples are good."""

import re
from pathlib import Path

import msgspec
import pytest

from interlock.proxies.haproxy import render as haproxy
from interlock.proxies.haproxy import trial as haproxy_trial
from interlock.proxies.nginx import frame as nginx_frame
from interlock.proxies.nginx import render as nginx
from interlock.proxies.nginx import trial as nginx_trial
from interlock.proxies.nginx.frame import Certificates
from interlock.proxies.serving import templating

PAGE = (Path(__file__).parents[2] / "docs" / "templates.md").read_text()
EXAMPLES = re.findall(r"^```jinja (\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
HAPROXY = haproxy.Frame(admin_socket="/a", state_file="/s", http_port=80, stats_password="p")
NGINX = nginx_frame.Frame(control_socket="/c", pid_file="/p", temp_dir="/t", http_port=80)


def section(title):
    """A section of the page, down to the next of the same level."""
    level = title.partition(" ")[0]
    return re.split(rf"^{level} ", PAGE.partition(f"\n{title}\n")[2], flags=re.MULTILINE)[0]


def tables(text):
    """The first column of each table."""
    found = re.findall(r"^\| (?:variable|field) \|.*\n\|---\|---\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [re.findall(r"^\| `(\w+)`", rows, re.MULTILINE) for rows in found]


@pytest.mark.parametrize(
    ("title", "variables", "item"),
    [
        ("## HAProxy", haproxy._variables(HAPROXY, ()), haproxy.Backend),
        ("## NGINX", nginx._variables(NGINX, (), Certificates()), nginx.Pool),
    ],
)
def test_every_variable_is_in_the_page_and_none_that_does_not_exist(title, variables, item):
    of_all, of_each = tables(section(title))
    assert of_all == list(variables)
    assert of_each == list(item.__struct_fields__)


@pytest.mark.parametrize(
    ("title", "frame"), [("### Frame of HAProxy", haproxy.Frame), ("### Frame of NGINX", nginx_frame.Frame)]
)
def test_every_field_of_the_frame_is_in_the_page_and_none_that_does_not_exist(title, frame):
    text = section(title).partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", text))
    assert named == {field.name for field in msgspec.structs.fields(frame)}


@pytest.mark.parametrize(("plugin", "text"), EXAMPLES)
def test_the_examples_are_good(plugin, text, tmp_path):
    mine = tmp_path / "mine.j2"
    mine.write_text(text)
    if plugin == "haproxy":
        frame = msgspec.structs.replace(HAPROXY, template=haproxy.BUILTIN.replaced(mine))
        made, plain = haproxy_trial.render_samples(frame).config, haproxy_trial.render_samples(HAPROXY).config
    else:
        frame = msgspec.structs.replace(NGINX, template=nginx_frame.BUILTIN.replaced(mine))
        made, plain = (
            nginx_trial.render_samples(each, lambda _: Certificates()).files["nginx.conf"] for each in (frame, NGINX)
        )
    assert len(made.splitlines()) > len(plain.splitlines())


def test_the_bounds_are_those_of_the_code():
    assert f"may take {templating.RENDER_SECONDS:g} s to fill in" in PAGE
    assert f"make {templating.LARGEST_TEXT // 10**6} million characters" in PAGE
