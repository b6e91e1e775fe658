"""A browser on the console: Debian's chromium through Playwright."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.harness.browser import launched
from tests.sagas.world import World, a_world

expect.set_options(timeout=120_000)  # how fast a machine is, is no test's business


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as found:
        yield found


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """A browser of the test's own; without one a test is skipped, and with CI=true it fails."""
    # Playwright's loop runs in this thread while the test asks the database, which is what Django warns of.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with launched() as found:
        yield found


@pytest.fixture
def pictures() -> Path | None:
    """Where photographs are kept, if somebody wants to see them: the folder in PICTURES."""
    folder = os.environ.get("PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder) if folder else None


def photograph(page: Any, folder: Path | None, name: str) -> None:
    """Keep a picture of the page."""
    if folder is not None:
        page.screenshot(path=folder / f"{name}.png", full_page=True)
