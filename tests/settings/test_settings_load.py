"""The settings of the whole program, out of all sources."""

from typing import Annotated

import msgspec
import pytest

from interlock.core.problems import Severity
from interlock.settings import (
    EngineSettings,
    Flags,
    Known,
    LogFormat,
    Option,
    PluginSettings,
    Rule,
    Settings,
    SettingsError,
    load_settings,
)


class ProxySettings(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy's own settings."""

    port: Annotated[int, Option(key="Port", env="HAPROXY_PORT", doc="Port.", minimum=1, maximum=65535)] = 80
    max_conn: Annotated[int, Option(key="MaxConn", env="HAPROXY_MAX_CONN", doc="Connections.", minimum=1)] = 2048
    ssl_port: Annotated[int, Option(key="SSLPort", env="HAPROXY_SSL_PORT", doc="Port.", minimum=1)] = 443


class MeasureSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a plugin that heeds the file's rules."""

    rules: dict[str, Rule] = {}


KNOWN = Known({"haproxy": ProxySettings, "stats": None}, {"broken": "ImportError: no module named redis"})
ROOT, USER = 0, 1000

DOCUMENTED_BY_1_4_5 = """
ListenAddr = ":8080"
DockerURL = "unix:///var/run/docker.sock"
TLSCACert = ""
TLSCert = ""
TLSKey = ""
AllowInsecure = false

[[Extensions]]
  Name = "haproxy"
  ConfigPath = "/etc/conf/haproxy.cfg"
  PidPath = "/etc/conf/haproxy.pid"
  BackendOverrideAddress = ""
  MaxConn = 1024
  Port = 80
  NginxPlusEnabled = false
  SSLPort = 0
  User = "www-data"
  WorkerProcesses = 2
"""


def load(text="", environ=None, uid=ROOT, **flags):
    variables = {"INTERLOCK_CONFIG": text} if text else {}
    return load_settings(Flags(**flags), environ={**variables, **(environ or {})}, known=KNOWN, uid=uid)


def refused(text="", environ=None, **flags):
    """The problems of a reading, as (key, value, what, fix)."""
    with pytest.raises(SettingsError) as caught:
        load(text, environ, **flags)
    return [(p.key, p.value, p.what, p.fix) for p in caught.value.problems]


def warnings_of(settings):
    return [(p.key, p.what) for p in settings.warnings]


class TestTopLevel:
    def test_without_any_source_all_is_default(self):
        assert load() == Settings(state_dir="/var/lib/interlock", run_dir="/run/interlock")

    def test_the_file_sets_everything_of_its_own(self):
        settings = load(
            'Debug = true\nLogFormat = "json"\nStateDir = "/s"\nRunDir = "/r"\nReconcileInterval = "2m"\n'
            'DockerURL = "tcp://e:2375"\n'
        )
        assert settings == Settings(
            engines=(EngineSettings(url="tcp://e:2375"),),
            debug=True,
            log_format=LogFormat.JSON,
            state_dir="/s",
            run_dir="/r",
            reconcile_interval=120.0,
        )

    def test_variables_beat_the_file_and_flags_beat_variables(self):
        environ = {"INTERLOCK_LOG_FORMAT": "json"}
        assert load('LogFormat = "logfmt"', environ).log_format is LogFormat.JSON
        assert load("", environ, values={"--log-format": "logfmt"}).log_format is LogFormat.LOGFMT

    def test_an_unknown_key_is_an_error_with_a_suggestion(self):
        assert refused("ReconcileIntervall = 3") == [
            ("INTERLOCK_CONFIG: ReconcileIntervall", "", "is not a known key", "did you mean ReconcileInterval?")
        ]

    def test_all_faults_of_all_sources_are_reported_together(self):
        text = 'Debugg = true\n[[Extensions]]\nName = "haproxy"\nPort = 0.5\nMaxCon = 1\n'
        keys = [key for key, *_ in refused(text, {"HAPROXY_SSL_PORT": "x"}, values={"--log-format": "xml"})]
        place = "INTERLOCK_CONFIG: [[Extensions]] haproxy"
        assert keys == [
            "INTERLOCK_CONFIG: Debugg",
            "--log-format",
            f"{place}: MaxCon",
            f"{place}: Port",
            "HAPROXY_SSL_PORT",
        ]

    def test_an_error_is_not_mixed_with_warnings(self):
        assert [key for key, *_ in refused('ListenAddr = ":80"\nx = 1')] == ["INTERLOCK_CONFIG: x"]


class TestDirectories:
    def test_root_uses_the_places_of_the_system(self):
        settings = load(uid=ROOT, environ={"XDG_STATE_HOME": "/x", "XDG_RUNTIME_DIR": "/y", "HOME": "/root"})
        assert (settings.state_dir, settings.run_dir) == ("/var/lib/interlock", "/run/interlock")

    def test_a_user_uses_the_xdg_ones(self):
        settings = load(uid=USER, environ={"XDG_STATE_HOME": "/x", "XDG_RUNTIME_DIR": "/y/"})
        assert (settings.state_dir, settings.run_dir) == ("/x/interlock", "/y/interlock")

    def test_without_them_home_and_tmp(self):
        settings = load(uid=USER, environ={"HOME": "/home/me"})
        assert (settings.state_dir, settings.run_dir) == ("/home/me/.local/state/interlock", "/tmp/interlock-1000")

    def test_without_home_only_tmp(self):
        settings = load(uid=USER)
        assert (settings.state_dir, settings.run_dir) == ("/tmp/interlock-1000/state", "/tmp/interlock-1000")

    def test_relative_xdg_variables_are_ignored_as_their_specification_says(self):
        settings = load(uid=USER, environ={"XDG_STATE_HOME": "x", "XDG_RUNTIME_DIR": "y", "HOME": "/h"})
        assert (settings.state_dir, settings.run_dir) == ("/h/.local/state/interlock", "/tmp/interlock-1000")

    def test_relative_settings_are_made_absolute(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        settings = load(environ={"INTERLOCK_STATE_DIR": "state", "INTERLOCK_RUN_DIR": "run"})
        assert (settings.state_dir, settings.run_dir) == (str(tmp_path / "state"), str(tmp_path / "run"))


class TestConfigurationFile:
    def test_the_flag_names_a_file(self, tmp_path):
        file = tmp_path / "interlock.toml"
        file.write_text("Debug = true")
        assert load(config=str(file)).debug is True

    def test_the_flag_beats_the_variable_and_says_so(self, tmp_path):
        file = tmp_path / "interlock.toml"
        file.write_text("Debug = true")
        settings = load("Debug = false", config=str(file))
        assert settings.debug is True
        assert warnings_of(settings) == [("INTERLOCK_CONFIG", f"is ignored, because --config {file} is given")]

    def test_a_variable_that_names_a_file_is_told_what_it_is_for(self, tmp_path):
        file = tmp_path / "interlock.toml"
        file.touch()
        ((key, value, what, fix),) = refused(str(file))
        assert (key, value) == ("INTERLOCK_CONFIG", str(file))
        assert what == "names a file, but the variable holds the TOML text itself"
        assert fix == f"give the file with `interlock run --config {file}`, and unset INTERLOCK_CONFIG"

    def test_a_long_text_in_the_variable_is_not_taken_for_a_path(self):
        assert load("# " + "x" * 5000 + "\nDebug = true").debug is True

    def test_a_missing_file_leads_to_spec(self):
        assert refused(config="/no/such.toml") == [
            (
                "--config",
                "/no/such.toml",
                "does not exist",
                "check the path, or write one with `interlock spec > /no/such.toml`",
            )
        ]

    def test_a_directory_is_no_file(self, tmp_path):
        ((_, _, what, _),) = refused(config=str(tmp_path))
        assert what == "cannot be read: Is a directory"

    def test_another_encoding_is_told(self, tmp_path):
        file = tmp_path / "latin1.toml"
        file.write_bytes(b'Name = "\xe9"')
        ((_, _, what, fix),) = refused(config=str(file))
        assert (what, fix) == ("is not UTF-8 text (byte 8)", "save the file as UTF-8")

    def test_a_syntax_error_is_told_with_its_line(self):
        ((key, _, what, fix),) = refused("Debug = true\nPort 80\n")
        assert key == "INTERLOCK_CONFIG"
        assert what.startswith("is not valid TOML: ")
        assert "line 2" in what
        assert fix == "mend that line; `interlock spec` prints a valid configuration"


class TestPlugins:
    def test_none_is_enabled_by_itself(self):
        assert load().plugins == ()

    def test_a_flag_enables_one_with_its_variables(self):
        settings = load(environ={"HAPROXY_PORT": "8080"}, plugins=("haproxy",))
        assert settings.plugins == (PluginSettings(name="haproxy", where="haproxy", options=ProxySettings(port=8080)),)

    def test_a_table_of_the_file_enables_one_and_variables_beat_it(self):
        settings = load('[[Extensions]]\nname = "HAProxy"\nPORT = 1\nMaxConn = 2\n', {"HAPROXY_MAX_CONN": "3"})
        (plugin,) = settings.plugins
        assert plugin.name == "haproxy"
        assert plugin.table == {"PORT": 1, "MaxConn": 2}
        assert plugin.options == ProxySettings(port=1, max_conn=3)

    def test_the_same_flag_twice_enables_once(self):
        assert [plugin.name for plugin in load(plugins=("stats", "haproxy", "stats")).plugins] == ["stats", "haproxy"]

    def test_a_plugin_without_settings_takes_none(self):
        assert load(plugins=("stats",)).plugins == (PluginSettings(name="stats", where="stats"),)
        assert (
            refused('[[Extensions]]\nName = "stats"\nColour = 1\n')[0][0]
            == "INTERLOCK_CONFIG: [[Extensions]] stats: Colour"
        )

    def test_flags_choose_among_the_tables_and_the_others_are_told(self):
        settings = load('[[Extensions]]\nName = "haproxy"\n[[Extensions]]\nName = "stats"\n', plugins=("haproxy",))
        assert [plugin.name for plugin in settings.plugins] == ["haproxy"]
        assert warnings_of(settings) == [
            ("INTERLOCK_CONFIG: [[Extensions]] stats", "is not enabled, because --plugin names others")
        ]

    def test_an_unknown_plugin_is_an_error_with_a_suggestion(self):
        assert refused(plugins=("hapoxy",)) == [
            ("--plugin", "hapoxy", "is not an installed plugin", "did you mean haproxy?")
        ]
        assert refused('[[Extensions]]\nName = "traefik"\n') == [
            (
                "INTERLOCK_CONFIG: [[Extensions]] number 1: Name",
                "traefik",
                "is not an installed plugin",
                "name an installed one: haproxy, stats",
            )
        ]

    @pytest.mark.parametrize(
        ("text", "plugins"),
        [
            ("", ("broken", "stats")),
            ('[[Extensions]]\nName = "broken"\nPort = 1\n[[Extensions]]\nName = "stats"\n', ()),
        ],
    )
    def test_a_plugin_that_cannot_be_loaded_is_told_with_the_reason_and_costs_the_others_nothing(self, text, plugins):
        settings = load(text, plugins=plugins)
        assert [plugin.name for plugin in settings.plugins] == ["broken", "stats"]
        (warning,) = settings.warnings
        assert (warning.value, warning.what) == ("broken", "cannot be loaded: ImportError: no module named redis")
        assert warning.fix == "mend or reinstall that plugin"

    @pytest.mark.parametrize("line", ["", 'Name = ""', "Name = 1"])
    def test_a_table_without_name_is_an_error(self, line):
        ((key, _, what, fix),) = refused(f"[[Extensions]]\n{line}\nPort = 80\n")
        assert (key, what) == ("INTERLOCK_CONFIG: [[Extensions]] number 1: Name", "names no plugin")
        assert fix == 'write Name = "haproxy" below it'

    def test_two_tables_for_one_plugin_are_an_error(self):
        ((key, _, what, _),) = refused('[[Extensions]]\nName = "haproxy"\n[[Extensions]]\nName = "haproxy"\n')
        assert (key, what) == ("INTERLOCK_CONFIG: [[Extensions]] number 2: Name", "is there twice")

    @pytest.mark.parametrize("text", ['[Extensions]\nName = "haproxy"\n', "Extensions = [1]\n", 'Extensions = "x"\n'])
    def test_extensions_of_another_shape_are_an_error(self, text):
        ((key, _, what, _),) = refused(text)
        assert (key, what) == ("INTERLOCK_CONFIG: Extensions", "is not a list of tables")


class TestFilesOf145:
    def test_a_documented_file_is_accepted_and_nothing_is_ignored_silently(self):
        settings = load(DOCUMENTED_BY_1_4_5)
        (plugin,) = settings.plugins
        assert plugin.options == ProxySettings(port=80, max_conn=1024)
        assert settings.listen_addr == ":8080"
        place = "INTERLOCK_CONFIG: [[Extensions]] haproxy"
        assert warnings_of(settings) == [
            (f"{place}: ConfigPath", "is not used by this version"),
            (f"{place}: PidPath", "is not used: Interlock itself supervises the proxy"),
            (
                f"{place}: User, WorkerProcesses",
                "mean nothing to haproxy: they are keys of another extension, ignored here as in 1.4.5",
            ),
        ]
        assert {problem.severity for problem in settings.warnings} == {Severity.WARNING}
        assert all(problem.fix for problem in settings.warnings)

    @pytest.mark.parametrize(
        ("text", "field", "value"),
        [
            ('PollInterval = "5s"', "poll_interval", 5.0),
            ('[Rules.web]\nType = "image"\nRegex = "^web"', "rules", {"web": Rule("image", "^web")}),
        ],
    )
    def test_top_level_keys_that_are_not_used_are_kept_with_a_warning(self, text, field, value):
        settings = load(text)
        assert getattr(settings, field) == value
        assert len(settings.warnings) == 1

    @pytest.mark.parametrize("text", ['PollInterval = ""', "[Rules]"])
    def test_where_they_say_nothing_there_is_nothing_to_warn_of(self, text):
        assert load(text).warnings == ()

    @pytest.mark.parametrize("text", ["Rules = 1", "Rules = [1]", "[Rules]\nweb = 1", "[Rules.web]\nType = 1"])
    def test_rules_of_another_shape_are_an_error(self, text):
        assert [(key, what) for key, _, what, _ in refused(text)] == [
            ("INTERLOCK_CONFIG: Rules", "is not a table of rules")
        ]

    def test_rules_are_given_to_the_plugin_that_takes_them_and_then_are_no_warning(self):
        rules = {"web": Rule("image", "^web")}
        text = '[Rules.web]\nType = "image"\nRegex = "^web"\n[[Extensions]]\nName = "measures"\n'
        known = Known({"measures": MeasureSettings, "haproxy": ProxySettings})
        settings = load_settings(Flags(), environ={"INTERLOCK_CONFIG": text}, known=known, uid=ROOT)
        assert settings.plugins[0].options == MeasureSettings(rules=rules)
        assert settings.warnings == ()
