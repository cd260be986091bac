"""Which engine: flags over Docker's variables over the file."""

import pytest

from interlock.settings import EngineSettings, Flags, Known, SettingsError, load_settings

FILE = 'DockerURL = "tcp://file:2375"\n'
TLS_FILE = f'{FILE}TLSCACert = "/f/ca"\nTLSCert = "/f/cert"\nTLSKey = "/f/key"\nAllowInsecure = true\n'
TLS_FLAGS = {"--swarm-tls-ca-cert": "/t/ca", "--swarm-tls-cert": "/t/cert", "--swarm-tls-key": "/t/key"}
DOCKER_TLS = {"DOCKER_HOST": "tcp://env:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/d"}


def load(text="", environ=None, urls=(), values=None):
    environ = {**({"INTERLOCK_CONFIG": text} if text else {}), **(environ or {})}
    return load_settings(Flags(swarm_urls=urls, values=values or {}), environ=environ, known=Known(), uid=0)


def engine(*args, **kwargs):
    (only,) = load(*args, **kwargs).engines
    return only


def refused(*args, **kwargs):
    with pytest.raises(SettingsError) as caught:
        load(*args, **kwargs)
    return [(p.key, p.what) for p in caught.value.problems]


class TestUrl:
    def test_without_any_source_the_local_socket(self):
        assert engine() == EngineSettings(name="docker", url="unix:///var/run/docker.sock")

    def test_the_flag_beats_docker_host_and_that_beats_the_file(self):
        environ = {"DOCKER_HOST": "tcp://env:2375"}
        assert engine(FILE).url == "tcp://file:2375"
        assert engine(FILE, environ).url == "tcp://env:2375"
        assert engine(FILE, environ, ("tcp://flag:2375",)).url == "tcp://flag:2375"

    def test_an_empty_docker_host_means_nothing(self):
        assert engine(FILE, {"DOCKER_HOST": ""}).url == "tcp://file:2375"


class TestTls:
    def test_the_three_flags_go_together(self):
        chosen = engine(urls=("tcp://flag:2376",), values=TLS_FLAGS)
        assert chosen.tls_files == ("/t/ca", "/t/cert", "/t/key")
        assert chosen.allow_insecure is False

    @pytest.mark.parametrize("missing", sorted(TLS_FLAGS))
    def test_a_missing_flag_is_named(self, missing):
        given = {flag: file for flag, file in TLS_FLAGS.items() if flag != missing}
        assert refused(urls=("tcp://flag:2376",), values=given) == [
            (missing, f"is missing beside {' and '.join(given)}")
        ]

    def test_flags_beat_dockers_variables_and_those_beat_the_file(self):
        assert engine(TLS_FILE).tls_files == ("/f/ca", "/f/cert", "/f/key")
        assert engine(TLS_FILE, DOCKER_TLS).tls_files == ("/d/ca.pem", "/d/cert.pem", "/d/key.pem")
        assert engine(TLS_FILE, DOCKER_TLS, values=TLS_FLAGS).tls_files == ("/t/ca", "/t/cert", "/t/key")

    def test_a_missing_key_of_the_file_is_named(self):
        assert refused(f'{FILE}TLSCACert = "/f/ca"\nTLSKey = "/f/key"') == [
            (
                "INTERLOCK_CONFIG: TLSCert",
                "is missing beside INTERLOCK_CONFIG: TLSCACert and INTERLOCK_CONFIG: TLSKey",
            )
        ]

    @pytest.mark.parametrize("word", ["1", "0", "false", "no"])
    def test_any_text_in_docker_tls_verify_turns_verified_tls_on_as_in_the_docker_command(self, word):
        chosen = engine(TLS_FILE, {**DOCKER_TLS, "DOCKER_TLS_VERIFY": word})
        assert (chosen.tls_ca, chosen.allow_insecure) == ("/d/ca.pem", False)

    def test_only_the_flag_switches_the_verification_of_docker_tls_verify_off(self):
        assert engine(TLS_FILE, DOCKER_TLS, values={"--swarm-allow-insecure": "true"}).allow_insecure is True

    @pytest.mark.parametrize(
        ("environ", "directory"),
        [
            ({"HOME": "/home/me"}, "/home/me/.docker"),
            ({"HOME": "/home/me", "DOCKER_CONFIG": "/conf"}, "/conf"),
            ({}, "/.docker"),
        ],
    )
    def test_without_a_cert_path_the_docker_commands_own_directory(self, environ, directory):
        chosen = engine(environ={"DOCKER_HOST": "tcp://env:2376", "DOCKER_TLS_VERIFY": "1", **environ})
        assert chosen.tls_ca == f"{directory}/ca.pem"

    def test_a_cert_path_without_verify_is_ignored_as_by_the_docker_command_but_not_silently(self):
        settings = load(environ={**DOCKER_TLS, "DOCKER_TLS_VERIFY": ""})
        assert settings.engines[0].tls_files == ("", "", "")
        assert [problem.key for problem in settings.warnings] == ["DOCKER_CERT_PATH"]

    def test_dockers_variables_say_nothing_about_a_socket_on_this_machine(self):
        settings = load(environ={"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/d"})
        assert settings.engines[0].tls_files == ("", "", "")
        assert settings.warnings == ()

    @pytest.mark.parametrize("values", [TLS_FLAGS, {"--swarm-allow-insecure": "true"}])
    def test_tls_flags_for_a_socket_on_this_machine_are_told_to_have_no_effect(self, values):
        (warning,) = load(values=values).warnings
        assert warning.what == "is a socket on this machine, so the TLS settings have no effect"
