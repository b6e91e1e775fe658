"""What is said to a topic, in the language and by the clock of each who is told."""

import logging

from notifications import wording
from notifications.models import MessageTemplate, Notification, Receiver
from notifications.reader import reader_of
from notifications.templating import Unrenderable

logger = logging.getLogger(__name__)

Words = tuple[dict[str, str], str]
"""The content, and the locale that it is in."""


class Translations:
    """The words of one notification to a topic; each is made once for a locale and a time zone, and then kept."""

    def __init__(self, notification: Notification) -> None:
        self._notification = notification
        self._template = _template_of(notification)
        self._made: dict[tuple[str, str], Words] = {}

    def of(self, profile: Receiver | None) -> Words:
        """What this receiver is told: in its language, else in the one that the request names, else the template's."""
        given: Words = self._notification.content, self._notification.locale
        if self._template is None:
            return given
        reader = reader_of({}, profile)
        asked = self._notification.receiver.get("locale", "")
        choice = wording.chosen(self._template, [*reader.locales, *([asked] if asked else [])])
        place = choice.locale, reader.clock
        if place not in self._made:
            try:
                said = wording.said(self._template, self._notification.data or {}, *place)
                self._made[place] = said, choice.locale
            except Unrenderable as error:  # it could be said when it was accepted
                logger.warning("%s cannot be said in %s by now: %s", self._template, choice.locale, error)
                self._made[place] = given
        return self._made[place]


def _template_of(notification: Notification) -> MessageTemplate | None:
    """The very version that was published when it was accepted; None for what has no template."""
    name, _, version = notification.template.rpartition(" ")
    if not name or not version.isdigit():
        return None
    return MessageTemplate.objects.filter(tenant=notification.tenant, name=name, version=int(version)).first()
