"""The page of settings says what the code says."""

from tests.docs.pages import page
from tests.docs.settings import TABLES, settings_of, written


def test_the_page_is_that_of_the_code() -> None:
    assert page("settings.md") == written(), "Write it anew: python -m tests.docs.settings"


def test_every_setting_says_what_it_is() -> None:
    silent = [setting.name for _, path, name in TABLES for setting in settings_of(path, name) if not setting.says]
    assert silent == []
