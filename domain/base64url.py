"""base64url without padding, and only in its one canonical spelling (RFC 7515 section 2)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def encode(raw: bytes) -> bytes:
    """The bytes as URL-safe base64 without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=")


def decode(text: bytes) -> bytes:
    """The bytes that `encode` spelt exactly so.

    What does not come out the same when encoded again is refused: padding, white space, foreign
    characters, and a last character with stray bits, so that no two texts mean the same bytes.

    Raises:
        ValueError: the text is not canonical base64url.
    """
    raw = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if encode(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
