"""Signatures of messages, by the Standard Webhooks specification: a receiver finds a library in any language."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from interlock.core.problems import PermanentError

PREFIX = "whsec_"
"""Of a key in base64."""


def read_key(secret: str) -> bytes:
    """The key that a secret stands for.

    Raises PermanentError, which does not show it.
    """
    text = secret.strip()
    if not text:
        raise PermanentError("the webhook's secret is empty", fix="write some 32 random characters, or leave it out")
    if not text.startswith(PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise PermanentError(
            f"the webhook's secret begins with {PREFIX} and goes on with what is not base64",
            fix=f"write it as it was given to you, or leave {PREFIX} out",
        ) from None


def signed_headers(key: bytes, *, message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """The headers of one attempt: HMAC-SHA256 of ``id.timestamp.body``, in base64; `timestamp` in Unix seconds."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": f"v1,{signature}",
    }
