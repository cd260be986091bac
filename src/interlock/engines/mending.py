"""JSON that is nearly JSON: Go writes clean Unicode, but files and other engines may not."""

import json
from typing import TypeVar

import msgspec

_Decoded = TypeVar("_Decoded")


def decode_leniently(decoder: msgspec.json.Decoder[_Decoded], data: bytes) -> _Decoded:
    """Decode; where that fails for text that is no Unicode, decode again with that text replaced.

    Raises ValueError for everything else, whatever it is.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        try:
            return decoder.decode(_mended(data))
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise ValueError(str(error)) from error


def _mended(data: bytes) -> bytes:
    """The same JSON with broken UTF-8 and halves of surrogate pairs replaced."""
    return json.dumps(json.loads(data.decode("utf-8", "replace")), ensure_ascii=False).encode("utf-8", "replace")
