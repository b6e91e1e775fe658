"""Base64 as it stands in addresses: URL-safe, and without the signs that only fill it up (RFC 4648, 5)."""

import base64


def encoded(data: bytes) -> str:
    """The bytes as text."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The bytes again, filled up or not. Raises `ValueError`."""
    bare = text.encode("ascii").rstrip(b"=")
    return base64.urlsafe_b64decode(bare + b"=" * (-len(bare) % 4))
