"""Files instead of a provider, for development: one for each letter, so that everything works on a fresh machine."""

import json
import logging
from pathlib import Path

from notifications.channels.channel import Channel, Letter

logger = logging.getLogger(__name__)


class File(Channel):
    """Writes `<folder>/<channel>/<id>.json`; a second attempt writes the same file. `address` is the receiver's member.

    It logs where the file is, so that a developer sees it pass by.
    """

    def __init__(self, folder: str | Path, channel: str, address: str) -> None:
        self.address = address  # type: ignore[misc]
        self._folder = Path(folder) / channel

    def send(self, letter: Letter) -> str:
        """Write it down."""
        shown = {
            "to": letter.address,
            "subject": letter.subject,
            "text": letter.text,
            "metadata": dict(letter.metadata),
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{letter.id}.json"
        file.write_text(json.dumps(shown, ensure_ascii=False, indent=2), encoding="utf-8")
        logger.info("A letter is in the file %s.", file)
        return file.name
