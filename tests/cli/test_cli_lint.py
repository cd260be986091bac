"""`interlock lint`: its forms of output, its exit codes, and where it reads from."""

import json

import pytest

CLEAN = "services: {web: {image: x, labels: {interlock.hostname: www, interlock.domain: example.com}}}\n"
WARNING = CLEAN.replace("image: x", "image: x, stop_grace_period: 3s")
ERROR = CLEAN.replace("hostname: www", "hostname: '-www'")


@pytest.fixture
def compose(tmp_path):
    """Writes a Compose file, and gives its path."""

    def compose(text, name="compose.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return compose


class TestExitCodes:
    @pytest.mark.parametrize(
        ("text", "code", "strictly"), [(CLEAN, 0, 0), (WARNING, 0, 1), (ERROR, 1, 1), ("{", 1, 1)], ids=repr
    )
    def test_errors_count_and_warnings_only_where_they_are_asked_to(self, run, compose, text, code, strictly):
        path = compose(text)

        assert run("lint", path)[0] == code
        assert run("lint", "--strict", path)[0] == strictly

    def test_a_file_that_is_not_there_is_wrong_use(self, run, tmp_path):
        code, out, err = run("lint", str(tmp_path / "none.yaml"))

        assert (code, out) == (2, "")
        assert "cannot be read: No such file or directory" in err

    def test_no_file_is_wrong_use(self, run):
        assert run("lint")[0] == 2

    def test_a_rule_that_is_ignored_does_not_count(self, run, compose):
        assert run("lint", "--strict", "--ignore", "short-grace", compose(WARNING))[0] == 0

    def test_a_rule_that_does_not_exist_is_wrong_use(self, run, compose):
        code, _, err = run("lint", "--ignore", "short-grave", compose(WARNING))

        assert code == 2
        assert "short-grave" in err


class TestOutput:
    def test_findings_are_on_stdout_and_the_sum_on_stderr(self, run, compose):
        path = compose(ERROR)
        _, out, err = run("lint", path)

        assert out == (
            f"{path}:1: error: web: label interlock.hostname=-www.example.com: "
            "has the part -www, which starts or ends in a hyphen [request]\n"
            "  fix: write one host name, like www.example.com\n"
        )
        assert err == "1 error, no warning in 1 file\n"

    def test_json_is_one_document(self, run, compose):
        path = compose(WARNING)
        _, out, err = run("lint", "--json", path)
        read = json.loads(out)

        assert err == ""
        assert read["files"] == [path]
        assert [(each["rule"], each["severity"], each["line"]) for each in read["findings"]] == [
            ("short-grace", "warning", 1)
        ]
        assert run("lint", "--format", "json", path)[1] == out

    def test_github_gets_annotations(self, run, compose):
        path = compose(WARNING)

        assert run("lint", "--format", "github", path)[1].startswith(f"::warning file={path},line=1,title=")

    def test_stdin_is_a_file_too(self, program):
        code, out, _ = program("lint", "-", stdin=ERROR)

        assert code == 1
        assert out.startswith("stdin:1: error: web: ")


class TestSurroundings:
    def test_the_proxys_patience_is_that_of_its_settings(self, run, compose, monkeypatch):
        monkeypatch.setenv("HAPROXY_SERVER_TIMEOUT", "3000")

        assert run("lint", "--strict", compose(WARNING))[0] == 0

    def test_variables_come_from_the_environment_and_from_a_file_beside(self, run, compose, monkeypatch):
        path = compose(CLEAN.replace("example.com", "$DOMAIN"))

        assert run("lint", "--strict", path)[0] == 1
        compose("DOMAIN=example.com\n", ".env")
        assert run("lint", "--strict", path)[0] == 0
        monkeypatch.setenv("DOMAIN", "not a domain")
        assert run("lint", path)[0] == 1

    def test_hosts_are_compared_over_files(self, run, compose):
        code, out, _ = run("lint", "--strict", compose(CLEAN), compose(CLEAN, "other.yaml"))

        assert code == 1
        assert "[duplicate-host]" in out
