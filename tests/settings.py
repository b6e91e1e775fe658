"""Settings for tests: the product's own without the developer's environment, on the database in TEST_DATABASE.

`TEST_DATABASE=sqlite` (the default) or `postgres`: a server of the tests' own, or the one in DATABASE_URL. The
workers of pytest-xdist inherit the address and share the server, each with a test database of its own.
"""

import os

from tests.harness.processes import folder

TEST_DATABASE = os.environ.get("TEST_DATABASE", "sqlite")
DATA = folder("data")

if TEST_DATABASE == "postgres" and "DATABASE_URL" not in os.environ:
    from tests.harness.postgres import Postgres

    _server = Postgres(durable=False)
    _server.start()
    os.environ["DATABASE_URL"] = _server.url
elif TEST_DATABASE == "sqlite":
    os.environ.pop("DATABASE_URL", None)

for _name in (
    "MODE",
    "SECRET_KEY",
    "API_KEY",
    "BROKER_URL",
    "SAGA_SERVICES",
    "EVENT_TARGETS",
    "EVENT_SOURCES",
    "SHOP",
    "EMAIL_URL",
    "QUEUES",
    "ALLOWED_HOSTS",
    "VAULT_KEYS",
):
    os.environ.pop(_name, None)
os.environ.update(DATA_DIR=str(DATA), LOG_LEVEL="WARNING")

from orchestrator.settings import *  # noqa: E402, F403 - after the environment is clean
from orchestrator.settings import DATABASES  # noqa: E402

if TEST_DATABASE == "postgres":
    # A test's transaction stays open from its begin to its end, also while the test does not speak to the database; and
    # who waits for another one waits as long as it takes, or the load of the machine would decide what a test sees.
    _options = DATABASES["default"]["OPTIONS"]
    for _bound in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
        _options["options"] += f" -c {_bound}=10min"
    _options |= {"connect_timeout": 60, "pool": {**_options["pool"], "timeout": 60}}

if TEST_DATABASE == "sqlite":
    # A file, since threads cannot share a database in memory as they share a server; no fsync, since it is a test.
    _options = DATABASES["default"]["OPTIONS"]
    _usual = _options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
    _options |= {"init_command": _usual.replace("busy_timeout=30000", "busy_timeout=300000"), "timeout": 300}
    DATABASES["default"]["TEST"] = {"NAME": str(DATA / "test.sqlite3")}

MIDDLEWARE = [  # each test's client makes them anew
    "tests.harness.static.FoundOnce" if name == "whitenoise.middleware.WhiteNoiseMiddleware" else name
    for name in MIDDLEWARE  # noqa: F405
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

GATEWAY = {**GATEWAY, "KEEP_COUNTS": False}  # noqa: F405 - a test that counts says when it is stored

SAGAS = {  # a pass may switch off what makes the record fast
    **SAGAS,  # noqa: F405
    **{name: os.environ[name] == "1" for name in ("SHARED_COMMITS", "ONE_STATEMENT") if name in os.environ},
}
INSTALLED_APPS = [*INSTALLED_APPS, "sagas.participant"]  # noqa: F405 - the participants' side, which no coordinator installs
