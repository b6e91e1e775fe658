"""Debian's chromium, driven by Playwright."""

import base64
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

CANDIDATES = ("/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome")
QUALITY = 80
"""Of pictures for the documentation, in per cent."""


def chromium() -> str | None:
    """Where the browser is, if there is one."""
    return next((found for name in CANDIDATES if (found := shutil.which(name))), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser of the test's own; without one a test is skipped, and with CI=true it fails."""
    program = chromium()
    if program is None:
        reason = "No chromium on this machine; install Debian's package `chromium`."
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(f"{reason} With CI=true a missing service is an error.", pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield found
        found.close()


def picture(page: Any, name: str) -> None:
    """Keep what the page's window shows as a small picture in the folder that PICTURES names, if it names one."""
    folder = os.environ.get("PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        session = page.context.new_cdp_session(page)
        shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
        (Path(folder) / f"{name}.webp").write_bytes(base64.b64decode(shot["data"]))
        session.detach()
