"""Signed one-time addresses."""

from uuid import UUID

from django.core.signing import Signer

from sagas.conf import conf


def signal_url(saga_id: UUID, name: str, nonce: str) -> str:
    """The address that takes one signal of that name for that saga."""
    token = Signer(salt="sagas.callback").sign_object([str(saga_id), name, nonce])
    return f"{conf().public_url.rstrip('/')}/api/v1/callbacks/{token}/"
