"""What a production process refuses to start with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway import vault

DEVELOPMENT_SECRET_KEY = "development-only-and-known-to-everybody"  # noqa: S105 - refused in production
DEVELOPMENT_API_KEY = "development"

_SHORTEST_SECRET_KEY = 32
_SHORTEST_API_KEY = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The settings that decide whether a process may serve in earnest."""

    secret_key: str
    api_key: str
    vault_keys: Sequence[str]
    debug: bool
    allowed_hosts: Sequence[str]
    database: Mapping[str, Any]
    broker_url: str
    email_backend: str
    seals: bool = False
    """It keeps what nobody may read in the database alone."""


def objections(deployment: Deployment) -> list[str]:
    """Return one sentence for each setting that is not fit for production, saying what to set; empty when all are."""
    found = []
    key, api_key = deployment.secret_key, deployment.api_key
    if key == DEVELOPMENT_SECRET_KEY or len(key) < _SHORTEST_SECRET_KEY:
        found.append(f"SECRET_KEY is missing or weak: set it to at least {_SHORTEST_SECRET_KEY} random characters.")
    if api_key and (api_key == DEVELOPMENT_API_KEY or len(api_key) < _SHORTEST_API_KEY):
        found.append(
            f"API_KEY is weak: set it to at least {_SHORTEST_API_KEY} random characters, or unset it and make keys "
            "with manage.py apikey."
        )
    if deployment.seals and not deployment.vault_keys:
        found.append(f"VAULT_KEYS is missing, and messages are stored sealed: set it to what {vault.NEW_KEY} prints.")
    for number, vault_key in enumerate(deployment.vault_keys, 1):
        if fault := vault.fault_of(vault_key):
            found.append(f"VAULT_KEYS is set, but number {number} {fault}.")
    if deployment.debug:
        found.append("DEBUG is on and shows settings to strangers: unset it.")
    if not deployment.allowed_hosts or "*" in deployment.allowed_hosts:
        found.append("ALLOWED_HOSTS does not name this site: set it to the host names people use, separated by commas.")
    if deployment.database["ENGINE"] != "django.db.backends.postgresql":
        found.append("DATABASE_URL is not PostgreSQL: set it to postgres://user:password@host:5432/name.")
    if not deployment.broker_url or deployment.broker_url.startswith("memory:"):
        found.append(
            "BROKER_URL is not a broker that processes share: set it to redis://host:6379/0 or amqp://user:password@host:5672//."
        )
    if deployment.email_backend.endswith(".filebased.EmailBackend"):
        found.append("EMAIL_URL is missing, and e-mails would be files: set it to smtp+tls://user:password@host:587.")
    return found
