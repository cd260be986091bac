import msgspec
import pytest

from interlock.engines.mending import decode_leniently

TEXTS = msgspec.json.Decoder(list[str])


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b'["a"]', ["a"]),
        ('["ü😀"]'.encode(), ["ü😀"]),
        (b'["\\ud83d\\ude00"]', ["😀"]),
        (b'["a\xffb"]', ["a\ufffdb"]),
        (b'["\xc3"]', ["\ufffd"]),
        (b'["a\\ud83d"]', ["a?"]),
        (b'["\\udc00a"]', ["?a"]),
    ],
)
def test_what_is_no_text_is_replaced(data, texts):
    assert decode_leniently(TEXTS, data) == texts


@pytest.mark.parametrize(
    "data", [b"", b"[", b'["a"', b"[1]", b'["\xff', b"{}", b"[" * 100_000, b'["a"] trailing', b"NaN"]
)
def test_what_is_no_json_of_the_right_shape_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        decode_leniently(TEXTS, data)
