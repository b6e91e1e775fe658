"""A participant's Django project: one process, one database file, one service."""

import os
from pathlib import Path

SERVICE = os.environ["SHOP_SERVICE"]
TOKEN = os.environ.get("SHOP_TOKEN", "")
DATA = Path(os.environ["SHOP_DATA"])

SECRET_KEY = "a participant of the example signs nothing"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = ["sagas.participant", "examples.shop.participant", f"examples.shop.{SERVICE}"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "examples.shop.participant.door.Door"]
ROOT_URLCONF = "examples.shop.participant.urls"
APPEND_SLASH = False
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA / f"{SERVICE}.sqlite3",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": f"%(asctime)s {SERVICE} %(levelname)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django.request": {"level": "CRITICAL"}},  # refusals are this service's daily business
}
