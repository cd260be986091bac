"""Any text is one word that means that text; a real NGINX says it back."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from interlock.core.problems import PermanentError, TemporaryError
from interlock.proxies.nginx.control import Control
from interlock.proxies.nginx.quoting import key, literal, quoted, word

TEXTS = [
    "plain",
    "default",
    "a \"b\" 'c'",
    "back\\slash\\",
    "\\n \\t \\r \\0",
    "$host ${host} $$ $1",
    "; } server { #",
    "bücher — ☃",
    "~^(.*)$",
    "a\\",
    'a\\"',
]


def test_quotes_and_backslashes_are_escaped():
    assert quoted('a"\\') == '"a\\"\\\\"'


def test_a_key_is_never_a_word_of_the_map():
    assert key("default") == '"\\\\default"'


@pytest.mark.parametrize("text", ["a\nb", "\x1b", "\x00", "\x7f"])
@pytest.mark.parametrize("encode", [quoted, literal, word, key])
def test_control_characters_are_refused(text, encode):
    with pytest.raises(PermanentError, match="control character"):
        encode(text)


def test_where_no_variable_may_be_meant_a_dollar_is_refused():
    with pytest.raises(PermanentError, match="dollar"):
        word("a$b")


@pytest.fixture
def spoken(folder):
    """An NGINX that says each of the texts, and to which number a map leads from it."""
    literals = "".join(f"location = /{n} {{ return 200 {literal(text)}; }}\n" for n, text in enumerate(TEXTS))
    values = "".join(
        f"location = /map/{n} {{ set $text {literal(text)}; return 200 $found; }}\n" for n, text in enumerate(TEXTS)
    )
    keys = "".join(f"{key(text)} {number};\n" for number, text in enumerate(TEXTS))
    config = folder / "nginx.conf"
    config.write_text(
        f"""daemon off; pid {folder}/pid; error_log stderr; user root;
        events {{}}
        http {{
            client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
            uwsgi_temp_path {folder}; scgi_temp_path {folder}; access_log off;
            geo $interlock_dollar {{ default "$"; }}
            map $text $found {{ volatile; default no; {keys} }}
            server {{ listen unix:{folder}/socket; {literals} {values} }}
        }}"""
    )
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", config, "-p", folder, "-e", "stderr"])
    yield Control(Path(folder / "socket"))
    nginx.terminate()
    nginx.wait()


@pytest.mark.real
async def test_nginx_reads_what_was_written(spoken):
    for number, text in enumerate(TEXTS):
        said = await until_answered(spoken, f"/{number}")
        assert (said, await spoken.ask(f"/map/{number}")) == (text, str(number))


async def until_answered(control, path):
    """NGINX may just be starting."""
    for _ in range(500):
        try:
            return await control.ask(path)
        except TemporaryError:
            await asyncio.sleep(0.01)
    raise AssertionError(path)
