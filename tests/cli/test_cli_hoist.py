import pytest

from interlock.cli.hoist import hoist

OPTIONS = {
    "--swarm-url": True,
    "-s": True,
    "--plugin": True,
    "-p": True,
    "--debug": False,
    "-D": False,
    "--version": False,
    "-v": False,
}


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        ("", ""),
        ("start", "start"),
        ("--debug start", "--debug start"),
        ("start --debug", "--debug start"),
        ("start -s tcp://a:1 -D", "-s tcp://a:1 -D start"),
        ("start --swarm-url=tcp://a:1", "--swarm-url=tcp://a:1 start"),
        ("-p haproxy start -p stats", "-p haproxy -p stats start"),
        ("start -phaproxy", "-phaproxy start"),
        ("start -Dp haproxy", "-Dp haproxy start"),
        ("start -Dphaproxy", "-Dphaproxy start"),
        ("run -c FILE -D", "-D run -c FILE"),
        ("run --config FILE --plugin x --help", "--plugin x run --config FILE --help"),
        ("routes --from - --json -D", "-D routes --from - --json"),
        ("start -Dx", "start -Dx"),
        ("start --debugg", "start --debugg"),
        ("start --swarm-url", "--swarm-url start"),
        ("start -- --debug", "start -- --debug"),
        ("--swarm-url start start", "--swarm-url start start"),
    ],
)
def test_global_flags_come_first_and_all_else_keeps_its_order(typed, parsed):
    assert hoist(typed.split(), OPTIONS) == parsed.split()


def test_an_empty_value_is_a_value():
    assert hoist(["start", "--swarm-url", "", "-D"], OPTIONS) == ["--swarm-url", "", "-D", "start"]
