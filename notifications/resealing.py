"""Where sealed values of notifications lie; `manage.py reseal` goes through these columns.

What was stored before anything was sealed is sealed by it, too.
"""

from typing import Any

from django.apps.registry import Apps
from django.db import models

from gateway import vault
from gateway.resealing import Column
from notifications.models import Delivery, InboxItem, Notification, Receiver, Suppression

COLUMNS: tuple[tuple[type[models.Model], str], ...] = (
    (Notification, "receiver"),
    (Notification, "content"),
    (Notification, "data"),
    (Notification, "callback_url"),
    (Delivery, "address"),
    (Delivery, "captured"),
    (Receiver, "addresses"),
    (Suppression, "address"),
    (InboxItem, "subject"),
    (InboxItem, "text"),
)
NOTHING = ("", "{}")
"""What says nothing, and is not sealed."""


def columns() -> list[Column]:
    """All of them, as they are stored."""
    return [Column(_stored(model, name), name, _resealed) for model, name in COLUMNS]


def _resealed(stored: str) -> str:
    if stored in NOTHING:
        return stored
    return vault.reseal(stored) if stored.startswith(vault.BEGINNING) else vault.seal(stored)


def _stored(model: type[models.Model], name: str) -> type[models.Model]:
    """The same table with the column as text: what is in it is moved, and not read."""
    same: dict[str, Any] = {"db_table": model._meta.db_table, "app_label": "notifications", "managed": False}
    same |= {"apps": Apps(), "verbose_name_plural": str(model._meta.verbose_name_plural)}
    key = model._meta.pk
    assert key is not None  # noqa: S101 - every model has one
    fields: dict[str, Any] = {
        "__module__": __name__,
        "Meta": type("Meta", (), same),
        "key": type(key.target_field if isinstance(key, models.ForeignKey) else key)(
            primary_key=True, db_column=key.column
        ),
        name: models.TextField(null=True),
    }
    return type(f"Stored{model.__name__}", (models.Model,), fields)
