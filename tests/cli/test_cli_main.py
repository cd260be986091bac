"""The command line as a whole: where its words may stand, and how it says that one is wrong."""

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from interlock.cli import main
from interlock.cli.commands import COMMANDS
from interlock.core.problems import PermanentError, TemporaryError
from interlock.version import __version__

INTERLOCK = Path(sys.executable).with_name("interlock")


@pytest.fixture
def app(monkeypatch):
    """Stands in for the service: keeps the settings that it was given."""
    service = SimpleNamespace(settings=[], code=0, error=None)

    def serve(settings):
        service.settings.append(settings)
        if service.error is not None:
            raise service.error
        return service.code

    monkeypatch.setitem(sys.modules, "interlock.app", SimpleNamespace(main=serve))
    return service


class TestOriginalsCommandLine:
    """What compose files and articles say, word for word."""

    @pytest.mark.parametrize(
        "line",
        [
            "--swarm-url tcp://1.2.3.4:2375 --debug --plugin haproxy start",
            "-s tcp://1.2.3.4:2375 -D -p haproxy start",
            "start --swarm-url tcp://1.2.3.4:2375 --debug --plugin haproxy",
            "-s tcp://1.2.3.4:2375 start -Dp haproxy",
            "--plugin=haproxy start --debug --swarm-url=tcp://1.2.3.4:2375",
        ],
    )
    def test_global_flags_work_before_and_after_the_command(self, app, line):
        assert main(line.split()) == 0
        (settings,) = app.settings
        assert settings.debug is True
        assert settings.engines[0].url == "tcp://1.2.3.4:2375"
        assert [plugin.name for plugin in settings.plugins] == ["haproxy"]

    def test_an_empty_swarm_url_leaves_the_choice_to_docker_host(self, app, monkeypatch):
        monkeypatch.setenv("DOCKER_HOST", "tcp://env:2375")
        assert main(["--swarm-url", "", "start"]) == 0
        assert app.settings[0].engines[0].url == "tcp://env:2375"

    def test_the_tls_flags_reach_the_engine(self, app):
        line = "-s tcp://e:2376 --swarm-tls-ca-cert c --swarm-tls-cert r --swarm-tls-key k --swarm-allow-insecure start"
        assert main(line.split()) == 0
        (engine,) = app.settings[0].engines
        assert (engine.tls_files, engine.allow_insecure) == (("c", "r", "k"), True)

    @pytest.mark.parametrize("flag", ["--version", "-v"])
    def test_the_version_is_told_wherever_it_is_asked_for(self, run, flag):
        assert run(flag) == (0, f"interlock version {__version__}\n", "")
        assert run("start", flag) == (0, f"interlock version {__version__}\n", "")

    def test_no_command_is_help(self, program):
        code, out, err = program()
        assert (code, err) == (0, "")
        assert out == program("--help")[1] == program("-h")[1] == program("help")[1]
        assert out.startswith("Usage: interlock [OPTIONS] COMMAND")


class TestRun:
    def test_the_file_is_read(self, app, tmp_path):
        file = tmp_path / "interlock.toml"
        file.write_text('Debug = true\n[[Extensions]]\nName = "haproxy"\nPort = 8080\n')
        assert main(["run", "-c", str(file)]) == 0
        (settings,) = app.settings
        assert settings.debug is True
        assert settings.plugins[0].options.port == 8080

    def test_the_text_in_the_variable_is_read(self, app, monkeypatch):
        monkeypatch.setenv("INTERLOCK_CONFIG", "Debug = true")
        assert main(["run"]) == 0
        assert app.settings[0].debug is True

    def test_without_configuration_it_leads_to_spec(self, run):
        code, out, err = run("run")
        assert (code, out) == (2, "")
        assert err == (
            "interlock: there is no configuration: neither --config nor INTERLOCK_CONFIG is given\n"
            "fix: write one with `interlock spec > interlock.toml`, "
            "and give it with `interlock run --config interlock.toml`\n"
        )

    @pytest.mark.parametrize("flags", ["-k consul://x:8500", "--discovery etcd://x", "--discovery-tls-key k"])
    def test_the_key_value_stores_of_the_original_are_refused(self, run, flags):
        code, _, err = run("run", *flags.split())
        assert code == 2
        assert err.startswith("interlock: configuration in consul or etcd is not supported by this version\nfix: ")


class TestExitCodes:
    def test_the_services_own_code_is_the_programs(self, app):
        app.code = 3
        assert main(["start"]) == 3

    @pytest.mark.parametrize("kind", [PermanentError, TemporaryError])
    def test_where_the_machine_is_in_the_way_it_is_1(self, app, run, kind):
        app.error = kind("port 80 is taken", fix="free it, or set HAPROXY_PORT")
        assert run("start") == (1, "", "interlock: port 80 is taken\nfix: free it, or set HAPROXY_PORT\n")

    def test_an_error_without_a_fix_is_one_line(self, app, run):
        app.error = PermanentError("it is broken")
        assert run("start") == (1, "", "interlock: it is broken\n")

    def test_an_error_stays_one_line_whatever_it_holds(self, app, run):
        app.error = PermanentError("a\nb\x1b[31m" + "c" * 100_000, fix="d\re")
        code, _, err = run("start")
        first, second = err.splitlines()
        assert code == 1
        assert first.startswith(r"interlock: a\nb\x1b[31mccc")
        assert len(first) < 2100
        assert second == r"fix: d\re"

    def test_after_ctrl_c_it_is_130(self, app):
        app.error = KeyboardInterrupt()
        assert main(["start"]) == 130

    @pytest.mark.parametrize(
        ("line", "what", "fix"),
        [
            ("strat", "there is no command strat", "did you mean start?"),
            ("start -p hapoxy", "--plugin=hapoxy is not an installed plugin", "did you mean haproxy?"),
            ("start --swarm-ulr x", "interlock start has no option --swarm-ulr", "did you mean --swarm-url?"),
            ("--plugn x start", "interlock has no option --plugn", "did you mean --plugin?"),
            ("run --confg x", "interlock run has no option --confg", "did you mean --config?"),
            ("--config x run", "interlock has no option --config", "it belongs to `interlock run` and `inter"),
            ("start --config x", "interlock start has no option --config", "it belongs to `interlock run` and `inter"),
            ("start -x", "interlock start has no option -x", "`interlock start --help` shows what it takes"),
            ("run -c", "option '-c' requires an argument", "`interlock"),
            ("start now", "got unexpected extra argument", "`interlock start --help` shows what it takes"),
            ("--log-format xml start", "--log-format=xml is not one of logfmt, json", "set --log-format to one of"),
            ("-s a=x -s a=y start", "Engines=a is the name of two engines", "give each a name of its own"),
        ],
    )
    def test_what_is_typed_wrongly_is_2_with_a_fix(self, run, line, what, fix):
        code, out, err = run(*line.split())
        assert (code, out) == (2, "")
        first, second = err.splitlines()
        assert first.startswith(f"interlock: {what}")
        assert second.startswith(f"fix: {fix}")

    def test_every_fault_is_told_at_once(self, run, monkeypatch):
        monkeypatch.setenv("HAPROXY_PORT", "http")
        monkeypatch.setenv("HAPROXY_MAX_CONN", "0")
        code, _, err = run("-p", "haproxy", "start")
        assert code == 2
        assert [line.split("=")[0] for line in err.splitlines()[::2]] == [
            "interlock: HAPROXY_PORT",
            "interlock: HAPROXY_MAX_CONN",
        ]

    def test_the_real_program_says_the_same_on_stderr(self, program):
        assert program("strat") == (2, "", "interlock: there is no command strat\nfix: did you mean start?\n")

    def test_the_real_program_shows_no_traceback_for_a_broken_file(self, program, tmp_path):
        file = tmp_path / "broken.toml"
        file.write_bytes(b"\xff\xfe")
        code, out, err = program("run", "-c", str(file))
        assert (code, out) == (2, "")
        assert err == (f"interlock: --config={file} is not UTF-8 text (byte 0)\nfix: save the file as UTF-8\n")

    def test_hostile_words_are_shown_harmlessly(self, run):
        for words in (["\x1b[2J"], ["start", "--\x1b[2J"], ["start", "\x1b[2J"], ["start", "-p", "\x1b[2J"]):
            code, out, err = run(*words)
            assert (code, out) == (2, "")
            assert "\x1b" not in err

    def test_a_reader_that_has_left_is_no_traceback(self):
        reading, writing = os.pipe()
        os.close(reading)
        ended = subprocess.run(
            [INTERLOCK, "spec"], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
        os.close(writing)
        assert (ended.returncode, ended.stderr) == (1, "")


class TestTable:
    @pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
    def test_a_commands_summary_is_the_first_line_of_its_help(self, entry):
        function = getattr(importlib.import_module(entry.module), entry.function)
        text = inspect.getdoc(function)
        assert text.splitlines()[0] == entry.summary
        assert "\nExample: " in text

    @pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
    def test_a_command_shows_its_help(self, run, entry):
        code, out, err = run(entry.name, "--help")
        assert (code, err) == (0, "")
        assert out.startswith(f"Usage: interlock {entry.name} [OPTIONS]")
        assert run("help", entry.name) == (0, out, "")
