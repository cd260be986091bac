import tomllib

from interlock.cli.known_plugins import known_plugins
from interlock.proxies.haproxy.settings import HaproxySettings
from interlock.settings import Flags, Settings, load_settings


def load(text, **flags):
    return load_settings(Flags(**flags), environ={"INTERLOCK_CONFIG": text}, known=known_plugins(), uid=0)


def test_what_it_prints_can_be_run_and_changes_nothing(run):
    code, out, err = run("spec")
    assert (code, err) == (0, "")
    settings = load(out)
    assert settings.warnings == ()
    (plugin,) = settings.plugins
    assert plugin.options == HaproxySettings()
    assert settings == Settings(plugins=settings.plugins, state_dir="/var/lib/interlock", run_dir="/run/interlock")


def test_it_has_every_key_of_the_plugin(run):
    _, out, _ = run("spec")
    (table,) = tomllib.loads(out)["Extensions"]
    assert {"Name", "Port", "SSLPort", "MaxConn", "AdminUser", "AdminPass", "ConnectTimeout"} <= table.keys()
    assert "\n# (env HAPROXY_PORT; 1 to 65535)\nPort = 80\n" in out
    assert "\n# (flag --swarm-url; env DOCKER_HOST)\nDockerURL =" in out


def test_a_plugin_that_is_not_chosen_is_a_comment(run, monkeypatch):
    known = known_plugins()
    types = {**known.types, "other": HaproxySettings}
    monkeypatch.setattr("interlock.cli.spec.known_plugins", lambda: type(known)(types))
    _, out, _ = run("spec", "--plugin", "other")
    assert [table["Name"] for table in tomllib.loads(out)["Extensions"]] == ["other"]
    assert '\n# [[Extensions]]\n# Name = "haproxy"\n' in out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_an_unknown_plugin_is_an_error(run):
    assert run("spec", "-p", "hapoxy") == (
        2,
        "",
        "interlock: --plugin=hapoxy is not an installed plugin\nfix: did you mean haproxy?\n",
    )


def test_markdown_has_a_table_for_each(run):
    code, out, _ = run("spec", "--markdown")
    assert code == 0
    assert out.startswith("### Interlock\n\n| Key | Type | Default | Environment | Flag | What it sets |\n")
    assert "\n### haproxy\n" in out
    assert "| `Port` | int, 1 to 65535 | `80` | `HAPROXY_PORT` |  | Port for plain HTTP. |\n" in out


def test_the_real_programs_file_is_accepted_by_the_real_program(program, tmp_path):
    file = tmp_path / "interlock.toml"
    file.write_text(program("spec")[1])
    code, _, err = program("run", "-c", str(file), "--log-format", "xml")
    assert code == 2
    assert err.count("interlock: ") == 1, "nothing but the flag is wrong"
