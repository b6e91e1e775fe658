"""Keyed hashes: something that is not kept is known again by them, and without a key they tell nothing of it.

A plain hash of what can be guessed, such as a body with a PIN in it, gives it away: whoever has it tries them all.
"""

import hashlib
import hmac
from collections.abc import Sequence

from django.conf import settings


def hashes(purpose: str, message: bytes, keys: Sequence[str] = ()) -> list[str]:
    """The message's hashes, one for each key, the newest first: keep the first, and compare with all.

    Without `keys` they are the project's, SECRET_KEY and SECRET_KEY_FALLBACKS. Hashes of two purposes never meet.
    """
    known = keys or (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [hmac.digest(f"{purpose}:{key}".encode(), message, hashlib.sha256).hex() for key in known]
