"""Templates with versions: kept, published, and made into what is said, in the receiver's language."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from notifications.models import MessageTemplate
from notifications.templating import Unrenderable, compiled, render

TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "number": (int, float),
    "yes_or_no": bool,
    "list": list,
    "object": dict,
}
LONGEST_SUBJECT = 200


def save(tenant: str, name: str, author: str, **values: Any) -> MessageTemplate:
    """Keep the next version, as a draft, once it renders with its example. Raises `Unrenderable`."""
    draft = MessageTemplate(tenant=tenant, name=name, author=author, **values)
    if draft.locale not in draft.texts:
        raise Unrenderable(f"There is no text for its own locale {draft.locale!r}.")
    if strange := [kind for kind in draft.fields.values() if kind.removesuffix("?") not in TYPES]:
        raise Unrenderable(
            f"There is no type {strange[0]!r}; there are: {', '.join(TYPES)}, with a ? if it may be missing."
        )
    for texts in draft.texts.values():
        for source in texts.values():
            compiled(source)
    for locale in draft.texts:
        said(draft, draft.example, locale)
    with transaction.atomic():
        versions = MessageTemplate.objects.filter(tenant=tenant, name=name)
        draft.version = (versions.aggregate(Max("version"))["version__max"] or 0) + 1
        draft.save(force_insert=True)
    return draft


def publish(template: MessageTemplate) -> None:
    """From now on this version is what is said, if it is the highest that is published. Safe to repeat."""
    if template.published_at is None:
        template.published_at = timezone.now()
        template.save(update_fields=["published_at"])


def published(tenant: str, name: str) -> MessageTemplate | None:
    """The highest version that is published."""
    found = MessageTemplate.objects.filter(tenant=tenant, name=name, published_at__isnull=False)
    return found.order_by("-version").first()


def said(template: MessageTemplate, data: Mapping[str, Any], locale: str) -> dict[str, str]:
    """Subject, text and HTML for a receiver. Raises `Unrenderable` for data that do not fit."""
    check_data(template, data)
    texts = template.texts[spoken(template, locale)]
    found = {part: render(source, data, escapes=part == "html") for part, source in texts.items()}
    if "subject" in found:
        found["subject"] = " ".join(found["subject"].split())[
            :LONGEST_SUBJECT
        ]  # one line, whatever the data have in them
    if not found.get("text", "").strip():
        raise Unrenderable("The text is empty.")
    return found


def spoken(template: MessageTemplate, locale: str) -> str:
    """The locale to use: the receiver's ("de-AT"), its language's ("de"), or the template's own."""
    parts = locale.replace("_", "-").split("-")
    wished = ["-".join(parts[:length]).lower() for length in range(len(parts), 0, -1)]
    there = {name.replace("_", "-").lower(): name for name in template.texts}
    return next((there[name] for name in wished if name in there), template.locale)


def check_data(template: MessageTemplate, data: Mapping[str, Any]) -> None:
    """Raise `Unrenderable` for data that are missing, of another type, or not known to the template."""
    for name, kind in template.fields.items():
        if name not in data:
            if not kind.endswith("?"):
                raise Unrenderable(f"The data have no {name!r}.")
            continue
        value, wanted = data[name], TYPES[kind.removesuffix("?")]
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise Unrenderable(f"{name!r} is to be a {kind.removesuffix('?')}.")
    if strange := sorted(set(data) - set(template.fields)):
        known = ", ".join(sorted(template.fields)) or "none"
        raise Unrenderable(f"The template knows no {strange[0][:64]!r}; its data are: {known}.")
