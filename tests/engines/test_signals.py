import pytest

from interlock.engines.signals import ends_container, signal_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("15", 15),
        ("TERM", 15),
        ("SIGTERM", 15),
        ("sigterm", 15),
        (" 9 ", 9),
        ("SIGRTMIN", 34),
        ("SIGRTMIN+3", 37),
        ("RTMAX-1", 63),
        ("WINCH", 28),
    ],
)
def test_a_signal_is_known_by_number_and_by_name(text, number):
    assert signal_number(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "-9", "1.5", "SIGNOPE", "٩", "RTMIN+31"])
def test_anything_else_is_no_signal(text):
    assert signal_number(text) is None


@pytest.mark.parametrize("sent", ["15", "9", "2", "3", "SIGKILL", "INT"])
def test_these_end_every_container(sent):
    assert ends_container(sent, "SIGTERM")


@pytest.mark.parametrize("sent", ["1", "HUP", "10", "USR1", "12", "28", "SIGWINCH", "18", ""])
def test_these_are_orders_to_a_program_that_goes_on(sent):
    assert not ends_container(sent, "SIGTERM")


def test_the_containers_own_stop_signal_ends_it():
    assert ends_container("28", "SIGWINCH")  # Apache httpd
    assert ends_container("37", "SIGRTMIN+3")  # systemd
    assert not ends_container("1", "SIGWINCH")


def test_an_unreadable_stop_signal_matches_nothing():
    assert not ends_container("nonsense", "nonsense")
