"""Text that fits the terminal."""

from interlock.cli.paragraphs import paragraph


def test_a_text_is_wrapped_at_its_column_and_words_stay_whole(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    text = "docker run --label interlock.hostname=www --label interlock.domain=example.com " + "x" * 60
    lines = paragraph(text, at=4)
    assert " ".join(line.strip() for line in lines) == text
    assert all(line.startswith("    ") for line in lines)
    assert all(len(line) <= 50 for line in lines[:-1])


def test_a_narrow_terminal_still_has_room_for_words(monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    assert paragraph("one two three", at=20) == [" " * 20 + "one two three"]
    assert paragraph("", at=2) == ["  "]
