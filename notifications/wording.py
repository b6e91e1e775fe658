"""Templates with versions: kept, published, and made into what is said, in the receiver's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone, translation

from notifications.models import MessageTemplate
from notifications.templating import Unrenderable, compiled, render

TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "number": (int, float),
    "yes_or_no": bool,
    "time": str,
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


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The texts that somebody gets, and why those."""

    locale: str
    why: str


def chosen(template: MessageTemplate, wished: Sequence[str]) -> Choice:
    """Of each wish in turn "de-AT" itself, its language "de", or another of that, "de-CH"; else the template's own."""
    there = {_tag(name): name for name in template.texts}
    for wish in wished:
        parts = _tag(wish).split("-")
        for length in range(len(parts), 0, -1):
            if (tag := "-".join(parts[:length])) in there:
                same = "It is the receiver's own." if length == len(parts) else f"There is none for {wish}."
                return Choice(locale=there[tag], why=same)
        for tag, name in there.items():
            if tag.split("-")[0] == parts[0]:
                return Choice(locale=name, why=f"There is none for {wish}, and this is the same language.")
    known = f"There is none for {', '.join(wished)}" if wished else "Nobody said which one to use"
    return Choice(locale=template.locale, why=f"{known}; this is the template's own.")


def said(template: MessageTemplate, data: Mapping[str, Any], locale: str, zone: str = "") -> dict[str, str]:
    """Subject, text and HTML in one of its locales, with times by the clock of a zone.

    Raises `Unrenderable` for data that do not fit.
    """
    check_data(template, data)
    values = {name: _value(template.fields.get(name, ""), value) for name, value in data.items()}
    texts = template.texts[locale]
    here = ZoneInfo(zone) if zone else timezone.get_default_timezone()
    with translation.override(_language(locale)), timezone.override(here):
        found = {part: render(source, values, escapes=part == "html") for part, source in texts.items()}
    if "subject" in found:  # one line, whatever the data have in them
        found["subject"] = " ".join(found["subject"].split())[:LONGEST_SUBJECT]
    if not found.get("text", "").strip():
        raise Unrenderable("The text is empty.")
    return found


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
        _value(kind, value)
    if strange := sorted(set(data) - set(template.fields)):
        known = ", ".join(sorted(template.fields)) or "none"
        raise Unrenderable(f"The template knows no {strange[0][:64]!r}; its data are: {known}.")


def _value(kind: str, value: Any) -> Any:
    """A time as one that the filters `date` and `time` understand; anything else as it is."""
    if kind.removesuffix("?") != "time":
        return value
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Unrenderable(f"A time is written like 2026-03-01T09:00:00+01:00, and not {value[:64]!r}.")
    return found


def _language(locale: str) -> str:
    """What Django calls it, for the names of months and the like; the service's own where Django does not know it."""
    tag = _tag(locale)
    known = (one for one in (tag, tag.split("-")[0]) if translation.check_for_language(one))
    return next(known, settings.LANGUAGE_CODE)


def _tag(locale: str) -> str:
    return locale.replace("_", "-").lower()
