"""The command line: what keeps a command from its work is a sentence; `--traceback` shows where it came from."""

import os
import sys
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError

from gateway import outage


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command of Django's or ours. Ends the process with status 1 and a sentence for what only settings mend."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
    if os.getcwd() not in sys.path:  # an installed command does not look for apps where it is called, as manage.py does
        sys.path.insert(0, os.getcwd())
    words = list(sys.argv if arguments is None else arguments)
    try:
        execute_from_command_line(words)
    except (ImproperlyConfigured, DatabaseError, InterfaceError) as error:
        sentence = str(error) if isinstance(error, ImproperlyConfigured) else outage.sentence(error)
        if sentence is None or "--traceback" in words:
            raise
        sys.exit(sentence)
