"""Files of variables."""

from interlock.compose.variables import read_variables


def test_names_have_values_with_quotes_and_comments_taken_off():
    text = """
# a comment
PLAIN=one two
export EXPORTED=yes
SPACED = value
SINGLE='a "b" $c #d' # comment
DOUBLE="a\\nb \\"c\\""
COMMENTED=value # comment
HASH=a#b
EMPTY=
JSON={"hostname":"www","domain":"example.com"}
no variable
1BAD=x
"""
    assert read_variables(text) == {
        "PLAIN": "one two",
        "EXPORTED": "yes",
        "SPACED": "value",
        "SINGLE": 'a "b" $c #d',
        "DOUBLE": 'a\nb "c"',
        "COMMENTED": "value",
        "HASH": "a#b",
        "EMPTY": "",
        "JSON": '{"hostname":"www","domain":"example.com"}',
    }


def test_a_quote_that_never_ends_is_a_part_of_the_value():
    assert read_variables('A="never') == {"A": '"never'}
    assert read_variables("A=" + '"' + "\\" * 50_000) == {"A": '"' + "\\" * 50_000}
