"""What a shell offers on Tab, in a real bash."""

import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.cli.commands import COMMANDS
from interlock.cli.plugin_names import GROUP
from interlock.plugins import registry

INTERLOCK = Path(sys.executable).with_name("interlock")


@pytest.fixture
def offered(tmp_path):
    """What bash would offer for a line, with the cursor at its end."""

    def offered(line, **variables):
        words = line.split(" ")
        script = "\n".join(
            [
                f"source <({INTERLOCK} completion bash)",
                f"COMP_WORDS=({shlex.join(words)})",
                f"COMP_CWORD={len(words) - 1}",
                f"COMP_LINE={shlex.quote(line)}",
                f"COMP_POINT={len(line)}",
                '_interlock_completion interlock "${COMP_WORDS[COMP_CWORD]}"',
                'printf "%s\\n" "${COMPREPLY[@]}"',
            ]
        )
        ended = subprocess.run(
            ["bash", "--norc", "-c", script],
            env={"PATH": f"{INTERLOCK.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8", **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=25,  # less than a command waits for an answer
            check=True,
        )
        assert ended.stderr == ""
        return ended.stdout.split()

    return offered


class TestScript:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_each_shell_has_its_own(self, run, shell):
        code, out, err = run("completion", shell)

        assert (code, err) == (0, "")
        assert f"_INTERLOCK_COMPLETE=complete_{shell}" in out

    def test_other_shells_are_wrong_use(self, run):
        assert run("completion", "cmd")[0] == 2

    def test_bash_registers_it_for_the_command(self):
        script = f"source <({INTERLOCK} completion bash); complete -p interlock"
        ended = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=60, check=True)

        assert ended.stdout.startswith("complete -o default -F _interlock_completion interlock")


class TestWords:
    def test_commands_are_offered(self, offered):
        assert set(offered("interlock ")) >= {entry.name for entry in COMMANDS if " " not in entry.name}
        assert offered("interlock weig") == ["weigh"]

    def test_flags_of_a_command_are_offered(self, offered):
        assert set(offered("interlock drain --")) >= {"--wait", "--timeout", "--json"}

    def test_choices_are_offered(self, offered):
        assert offered("interlock completion f") == ["fish"]
        assert offered("interlock --plugin hap") == ["haproxy"]

    def test_the_group_of_plugins_is_the_registrys(self):
        assert GROUP == registry.GROUP


class TestNames:
    def test_containers_and_services_of_the_running_interlock_are_offered(self, offered, daemon):
        run_dir = str(daemon.path.parent)

        assert offered("interlock drain ", INTERLOCK_RUN_DIR=run_dir) == ["shop-web-1", "shop/web", "web_1"]
        assert offered("interlock drain web", INTERLOCK_RUN_DIR=run_dir) == ["web_1"]
        assert offered("interlock rollout ", INTERLOCK_RUN_DIR=run_dir) == ["shop/web"]
        assert offered("interlock maintenance on ", INTERLOCK_RUN_DIR=run_dir) == ["a.com"]

    def test_the_run_folder_may_be_typed_before_or_after(self, offered, daemon):
        run_dir = daemon.path.parent

        assert offered(f"interlock --run-dir {run_dir} undrain web") == ["web_1"]
        assert offered(f"interlock undrain --run-dir {run_dir} web") == ["web_1"]

    def test_without_an_interlock_nothing_is_offered(self, offered, tmp_path):
        assert offered("interlock drain ", INTERLOCK_RUN_DIR=str(tmp_path)) == []

    def test_one_that_does_not_answer_is_not_waited_for(self, offered, tmp_path):
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(tmp_path / "interlock.sock"))
            silent.listen()

            assert offered("interlock drain ", INTERLOCK_RUN_DIR=str(tmp_path)) == []
