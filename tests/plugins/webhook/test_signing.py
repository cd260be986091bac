"""Signatures are those of the Standard Webhooks specification."""

import pytest

from interlock.core.problems import PermanentError
from interlock.plugins.webhook.signing import read_key, signed_headers


def test_the_specification_s_own_example():
    """The example of the specification, section "Signature scheme"."""
    headers = signed_headers(
        read_key("whsec_plJ3nmyCDGBKInavdOK15jsl\n"),
        message_id="msg_loFOjxBNrRLzqYUf",
        timestamp=1731705121,
        body=b'{"event_type":"ping","data":{"success":true}}',
    )
    assert headers == {
        "Content-Type": "application/json",
        "Webhook-Id": "msg_loFOjxBNrRLzqYUf",
        "Webhook-Timestamp": "1731705121",
        "Webhook-Signature": "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    }


def test_any_other_text_is_a_key_as_it_is():
    assert read_key("not base64!\n") == b"not base64!"


@pytest.mark.parametrize("secret", ["", " \n", "whsec_###"])
def test_what_is_no_key_is_refused_without_being_shown(secret):
    with pytest.raises(PermanentError) as caught:
        read_key(secret)
    assert "###" not in str(caught.value)
