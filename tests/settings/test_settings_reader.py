import enum
from typing import Annotated

import msgspec
import pytest

from interlock.settings import Option, SettingsError, read_options

WHERE = "/etc/interlock.toml"


class Colour(enum.StrEnum):
    RED = "red"
    GREEN = "green"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One field of each kind."""

    port: Annotated[int, Option(key="Port", env="S_PORT", flag="--port", doc="Port.", minimum=1, maximum=65535)] = 80
    weight: Annotated[int, Option(key="Weight", doc="Weight.", minimum=0)] = 100
    ratio: Annotated[float, Option(key="Ratio", env="S_RATIO", doc="Ratio.", maximum=1)] = 0.5
    quiet: Annotated[bool, Option(key="Quiet", env="S_QUIET", doc="Quiet.")] = False
    name: Annotated[str, Option(key="Name", env="S_NAME", doc="Name.")] = "nobody"
    hosts: Annotated[tuple[str, ...], Option(key="Hosts", env="S_HOSTS", doc="Hosts.")] = ()
    colour: Annotated[Colour, Option(key="Colour", env="S_COLOUR", doc="Colour.")] = Colour.RED
    pause: Annotated[float, Option(key="Pause", env="S_PAUSE", doc="Seconds.", unit="s", minimum=0)] = 2.0
    timeout: Annotated[int, Option(key="Timeout", env="S_TIMEOUT", doc="Milliseconds.", unit="ms", minimum=1)] = 5000
    secret: Annotated[str, Option(key="Secret", env="S_SECRET", doc="Secret.", secret=True)] = ""
    pin: Annotated[int | None, Option(key="Pin", env="S_PIN", doc="Pin.", secret=True)] = None
    own: str = "not a setting"


def read(table=None, environ=None, flags=None):
    return read_options(Sample, table=table or {}, environ=environ or {}, where=WHERE, flags=flags or {})


def refused(table=None, environ=None, flags=None):
    """The problems of a reading, as (key, value, what, fix)."""
    with pytest.raises(SettingsError) as caught:
        read(table, environ, flags)
    return [(p.key, p.value, p.what, p.fix) for p in caught.value.problems]


class TestPrecedence:
    def test_without_any_source_all_is_default(self):
        assert read() == Sample()

    def test_a_flag_beats_a_variable_and_that_beats_the_file(self):
        table, environ, flags = {"Port": 1}, {"S_PORT": "2"}, {"--port": "3"}
        assert read(table).port == 1
        assert read(table, environ).port == 2
        assert read(table, environ, flags).port == 3

    def test_an_empty_variable_means_nothing(self):
        assert read({"Port": 1}, {"S_PORT": ""}).port == 1
        assert read({}, {"S_NAME": ""}).name == "nobody"

    @pytest.mark.parametrize("key", ["Port", "port", "PORT", "pOrT"])
    def test_keys_of_the_file_are_read_in_any_capitals(self, key):
        assert read({key: 8080}).port == 8080

    def test_a_field_without_option_is_no_setting(self):
        assert [key for key, *_ in refused({"own": "x"})] == [f"{WHERE}: own"]

    @pytest.mark.parametrize("key", ["Port", "Name", "Hosts", "Quiet", "Pause", "Colour", "Pin"])
    def test_the_empty_text_of_old_files_means_the_default(self, key):
        assert read({key: ""}) == Sample()

    def test_the_zero_of_old_files_means_the_default_where_zero_is_not_allowed(self):
        assert read({"Port": 0, "Weight": 0}) == Sample(weight=0)


class TestText:
    """Variables and flags."""

    @pytest.mark.parametrize("word", ["1", "t", "true", "TRUE", "y", "Yes", "on", " on "])
    def test_words_for_yes(self, word):
        assert read({"Quiet": False}, {"S_QUIET": word}).quiet is True

    @pytest.mark.parametrize("word", ["0", "f", "false", "n", "No", "off"])
    def test_words_for_no(self, word):
        assert read({"Quiet": True}, {"S_QUIET": word}).quiet is False

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("30s", 30),
            ("2m", 120),
            ("500ms", 0.5),
            ("1h30m", 5400),
            ("1.5s", 1.5),
            (".5s", 0.5),
            ("3", 3),
            ("0.25", 0.25),
        ],
    )
    def test_durations_in_seconds(self, text, seconds):
        assert read(environ={"S_PAUSE": text}).pause == seconds

    @pytest.mark.parametrize(
        ("text", "milliseconds"),
        [("5000", 5000), ("5s", 5000), ("0.1s", 100), ("250ms", 250), ("1m", 60_000), ("2000us", 2), ("2000µs", 2)],
    )
    def test_durations_in_milliseconds(self, text, milliseconds):
        assert read(environ={"S_TIMEOUT": text}).timeout == milliseconds

    def test_a_list_is_separated_by_commas(self):
        assert read(environ={"S_HOSTS": "a, b,,c "}).hosts == ("a", "b", "c")

    def test_a_choice_is_read_in_any_capitals(self):
        assert read(environ={"S_COLOUR": "Green"}).colour is Colour.GREEN

    def test_an_optional_number_is_read_as_a_number(self):
        assert read(environ={"S_PIN": "7"}).pin == 7

    @pytest.mark.parametrize("text", ["abc", "80.5", "8_0", "٨٠", "0x50", "", "70000", "0", "-1", "9" * 5000])
    def test_what_is_no_port_is_refused(self, text):
        (problem,) = refused(flags={"--port": text})
        assert problem[0] == "--port"
        assert problem[2] == "is not a whole number between 1 and 65535"
        assert problem[3] == "set --port to a whole number between 1 and 65535, or leave it out for 80"

    @pytest.mark.parametrize("text", ["nan", "inf", "1.01", "1e3", "half"])
    def test_what_is_no_ratio_is_refused(self, text):
        assert refused(environ={"S_RATIO": text}) == [
            (
                "S_RATIO",
                text,
                "is not a number, at most 1",
                "set S_RATIO to a number, at most 1, or leave it out for 0.5",
            )
        ]

    @pytest.mark.parametrize("text", ["3x", "s", "1 s", "-1s", "-1", "1s2", "1h30", "9" * 5000 + "h"])
    def test_what_is_no_duration_is_refused(self, text):
        (problem,) = refused(environ={"S_PAUSE": text})
        assert problem[2] == "is not a number of seconds, or a duration such as 500ms, 30s or 2m, at least 0"

    def test_a_duration_finer_than_its_unit_is_refused(self):
        (problem,) = refused(environ={"S_TIMEOUT": "1500us"})
        assert problem[2] == "is not a whole number of milliseconds"

    @pytest.mark.parametrize("text", ["maybe", "2", "tru"])
    def test_what_is_neither_yes_nor_no_is_refused(self, text):
        (problem,) = refused(environ={"S_QUIET": text})
        assert problem[2:] == ("is not true or false", "set S_QUIET to true or false, or leave it out for false")

    def test_what_is_none_of_the_choices_is_refused(self):
        (problem,) = refused(environ={"S_COLOUR": "blue"})
        assert problem[2] == "is not one of red, green"

    @pytest.mark.parametrize("text", ["a\nb", "a\0", "\x7f", "\x1b[31m"])
    def test_control_characters_are_refused(self, text):
        (problem,) = refused(environ={"S_NAME": text})
        assert problem[2] == "holds a control character, such as a line break"
        assert problem[1].isprintable()


class TestToml:
    def test_every_kind_is_read(self):
        table = {
            "Port": 81,
            "Ratio": 1,
            "Quiet": True,
            "Name": "x",
            "Hosts": ["a", "b"],
            "Colour": "green",
            "Pause": "1m",
            "Timeout": 10,
        }
        assert read(table) == Sample(
            port=81, ratio=1.0, quiet=True, name="x", hosts=("a", "b"), colour=Colour.GREEN, pause=60.0, timeout=10
        )

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("Port", True),
            ("Port", 80.0),
            ("Port", [80]),
            ("Quiet", 1),
            ("Name", 1),
            ("Hosts", "a,b"),
            ("Hosts", ["a", 1]),
            ("Colour", 1),
            ("Pause", True),
            ("Pause", {"s": 1}),
            ("Ratio", float("nan")),
            ("Name", "a\nb"),
            ("Hosts", ["a\nb"]),
        ],
    )
    def test_another_type_is_refused(self, key, value):
        (problem,) = refused({key: value})
        assert problem[0] == f"{WHERE}: {key}"

    @pytest.mark.parametrize(("key", "value"), [("Port", " 81 "), ("Quiet", "true")])
    def test_what_only_has_quotes_too_many_is_told_so(self, key, value):
        (problem,) = refused({key: value})
        assert problem[3] == f"write {key} = {value.strip()} without quotes"


class TestFaults:
    def test_all_faults_of_all_sources_are_reported_together(self):
        problems = refused({"Portt": 1, "Ratio": 2, "zzz": 1}, {"S_QUIET": "perhaps"}, {"--port": "x"})
        assert [key for key, *_ in problems] == [
            f"{WHERE}: Portt",
            f"{WHERE}: zzz",
            "--port",
            f"{WHERE}: Ratio",
            "S_QUIET",
        ]

    def test_the_error_tells_them_all_in_one_line(self):
        with pytest.raises(SettingsError) as caught:
            read({"Portt": 1}, {"S_PORT": "x"})
        assert caught.value.what == (
            "/etc/interlock.toml: Portt is not a known key; S_PORT=x is not a whole number between 1 and 65535"
        )
        assert caught.value.fix == (
            "did you mean Port?; set S_PORT to a whole number between 1 and 65535, or leave it out for 80"
        )

    def test_a_mistyped_key_is_recognised_in_any_capitals(self):
        assert refused({"TIMEUOT": 1})[0][3] == "did you mean Timeout?"

    def test_a_key_like_no_other_leads_to_spec(self):
        assert refused({"zzz": 1})[0][3] == "remove it; `interlock spec` prints every key"

    def test_a_key_written_twice_is_refused(self):
        (problem,) = refused({"Port": 1, "port": 2})
        assert problem == (
            f"{WHERE}: port",
            "",
            "is there twice",
            "keep one of Port and port: capitals make no difference",
        )

    @pytest.mark.parametrize(("variable", "text"), [("S_SECRET", "hunter2\n"), ("S_PIN", "hunter2")])
    def test_a_secret_is_not_told(self, variable, text):
        with pytest.raises(SettingsError) as caught:
            read(environ={variable: text})
        assert "hunter2" not in str(caught.value)
        assert caught.value.problems[0].value == "(secret)"

    def test_a_secret_with_quotes_too_many_is_not_told(self):
        ((_, value, _, fix),) = refused({"Pin": "4711"})
        assert (value, fix) == ("(secret)", "set Pin to a whole number")

    def test_a_secret_written_twice_is_not_told_either(self):
        assert "hunter2" not in str(refused({"Secret": "hunter2", "SECRET": "hunter2"}))

    def test_a_hostile_value_is_shown_harmlessly_and_cut(self):
        (problem,) = refused(environ={"S_PORT": "\x1b[2J" + "x" * 100_000})
        assert problem[1].isprintable()
        assert len(problem[1]) < 200

    def test_a_field_of_a_type_that_no_setting_can_have_is_a_mistake_of_ours(self):
        class Wrong(msgspec.Struct):
            both: Annotated[int | str, Option(key="Both", doc="Two types.")] = 1

        with pytest.raises(TypeError, match=r"Wrong\.both"):
            read_options(Wrong, table={}, environ={}, where=WHERE)

    def test_a_duration_must_be_a_number(self):
        class Wrong(msgspec.Struct):
            pause: Annotated[str, Option(key="Pause", doc="Text.", unit="s")] = ""

        with pytest.raises(TypeError, match=r"Wrong\.pause"):
            read_options(Wrong, table={}, environ={}, where=WHERE)
