from interlock.cli.columns import columns


def test_no_rows_are_no_lines():
    assert columns([]) == []


def test_a_column_is_as_wide_as_its_widest_cell_and_three_spaces():
    assert columns([("NAME", "VERSION", "URL"), ("a-long-name", "0.1", "x")]) == [
        "NAME          VERSION   URL",
        "a-long-name   0.1       x",
    ]


def test_a_column_is_at_least_eight_wide():
    assert columns([("A", "B"), ("c", "d")]) == ["A       B", "c       d"]


def test_the_last_cell_of_a_short_row_widens_nothing():
    assert columns([("A", "B", "C"), ("", "a sentence that is longer than any column")]) == [
        "A       B       C",
        "        a sentence that is longer than any column",
    ]


def test_no_line_ends_in_spaces():
    assert columns([("A", "B"), ("c", "")]) == ["A       B", "c"]
