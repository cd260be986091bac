import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.core.problems import TemporaryError
from interlock.engines.stream import ObjectSplitter

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"
STREAMS = [
    "engine/events_cli_lifecycle.jsonl",
    "engine29/events_cli_lifecycle.jsonl",
    "engine29/events_cli_lifecycle_api1.51.jsonl",
    "classic_swarm/events.json",
    "podman/events_compat.jsonl",
]


def split(*chunks, **limits):
    splitter = ObjectSplitter(**limits)
    return [found for chunk in chunks for found in splitter.feed(chunk)], splitter.skipped


def objects(raw):
    """The slow but certain way."""
    decoder, text, at, found = json.JSONDecoder(), raw.decode(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        thing, at = decoder.raw_decode(text, at)
        found.append(thing)
    return found


@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_is_read_whatever_its_framing(name):
    raw = (RECORDINGS / name).read_bytes()
    found, skipped = split(raw)
    assert [json.loads(one) for one in found] == objects(raw)
    assert skipped == 0


@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_may_come_byte_by_byte(name):
    raw = (RECORDINGS / name).read_bytes()[:20000]
    whole, _ = split(raw)
    assert split(*(raw[at : at + 1] for at in range(len(raw)))) == (whole, 0)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 30000), max_size=40))
def test_it_does_not_matter_where_the_network_cuts(name, cuts):
    raw = (RECORDINGS / name).read_bytes()[:30000]
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut <= len(raw))})
    chunks = [raw[a:b] for a, b in itertools.pairwise(edges)]
    assert split(*chunks) == split(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5),
    st.sampled_from(["", "\n", " ", "\r\n\r\n"]),
    st.booleans(),
    st.integers(1, 7),
)
def test_any_objects_come_back_whatever_is_in_their_strings(things, separator, ascii_only, size):
    raw = separator.join(json.dumps(thing, ensure_ascii=ascii_only) for thing in things).encode()
    found, skipped = split(*(raw[at : at + size] for at in range(0, len(raw), size)))
    assert [json.loads(one) for one in found] == things
    assert skipped == 0


@settings(deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=20))
def test_no_bytes_whatsoever_break_it(chunks):
    found, skipped = split(*chunks)
    assert sum(map(len, found)) + skipped <= sum(map(len, chunks))


def test_a_utf8_character_may_be_cut_in_two():
    raw = '{"name":"ü€😀"}'.encode()
    for at in range(len(raw)):
        assert split(raw[:at], raw[at:]) == ([raw], 0)


@pytest.mark.parametrize(
    ("garbage", "lost"),
    [
        (b"garbage\n", 7),
        (b'"}{"\n', 3),
        (b"\0\xff\xfe\n", 3),
        (b"}}}\n", 3),
        (b'{"half": "obj\n', 14),
        (b'{"half": {"of": 1,\n', 19),
        (b'{"half": [\n', 11),
    ],
)
def test_a_broken_line_costs_only_itself(garbage, lost):
    found, skipped = split(b'{"a":1}\n' + garbage + b'{"b":2}\n{"c":3}\n')
    assert (found[0], found[-1]) == (b'{"a":1}', b'{"c":3}')
    assert abs(skipped - lost) <= 3


def test_a_pretty_printed_object_is_one_object():
    raw = json.dumps({"a": {"b": [{"c": 1}]}}, indent=2).encode()
    assert split(raw) == ([raw], 0)


def test_an_object_that_is_too_long_is_skipped_and_the_next_one_is_read():
    long = b'{"label":"' + b"x" * 10_000_000 + b'"}'
    chunks = [long[at : at + 65536] for at in range(0, len(long), 65536)]
    assert split(*chunks, b'{"a":1}') == ([b'{"a":1}'], len(long))


def test_a_too_long_object_in_one_piece_is_skipped_too():
    assert split(b'{"a":"' + b"x" * 50 + b'"}{"b":1}', longest=40) == ([b'{"b":1}'], 58)


def test_a_long_object_is_not_kept_while_it_comes():
    splitter = ObjectSplitter(longest=1000)
    splitter.feed(b'{"label":"')
    for _ in range(1000):
        splitter.feed(b"x" * 1000)
    assert len(splitter._buffer) <= 2000


def test_a_stream_that_lost_its_way_is_given_up():
    splitter = ObjectSplitter(longest=100, hopeless=1000)
    for _ in range(10):
        splitter.feed(b'{"a":' * 20)
    with pytest.raises(TemporaryError, match="more than 1000 bytes"):
        splitter.feed(b'{"a":' * 20)


def test_a_backslash_at_the_edge_of_a_chunk_hides_the_next_byte():
    assert split(b'{"a":"\\', b'"}"}') == ([b'{"a":"\\"}"}'], 0)
    assert split(b'{"a":"\\', b"\\", b'"}') == ([b'{"a":"\\\\"}'], 0)


@pytest.mark.parametrize(
    "told",
    [
        b'{"a":"}{"}\n{"b":1}\n',
        b'{"a":1}{"b":2}\n',
        b'{"a":1} {"b":2}\n',
        b'{"a":"{"}\n{"b":{}}\n',
        b'{"a":{}}\n\n{"b":2}\n',
        b'{"a":{"b":1}}\n',
    ],
)
def test_whole_lines_are_split_as_if_they_came_byte_by_byte(told):
    assert split(told) == split(*(told[at : at + 1] for at in range(len(told))))
