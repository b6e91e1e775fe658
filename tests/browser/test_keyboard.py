"""With a keyboard alone: forms are walked through and sent, and the return key decides nothing by accident."""

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from sagas.models import Audit
from tests.sagas.admin.scenes import Scenes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.only_on("sqlite")]


def test_an_input_is_edited_and_a_retry_decided_without_a_mouse(
    world, browser: Browser, live_server, client, django_user_model
):
    found = Scenes(world).parcel_refused()
    client.force_login(django_user_model.objects.create_superuser("root"))
    context = browser.new_context(viewport={"width": 400, "height": 800})
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    page.goto(live_server.url + reverse("admin:sagas_saga_verb", args=[found.pk, "retry"]))

    page.locator("summary", has_text="Edit it").focus()
    page.keyboard.press("Enter")
    tab_to(page, "input/to/number")
    page.keyboard.type("8")
    page.keyboard.press("Enter")  # shows what would be done
    expect(page.get_by_label("What it will do")).to_contain_text("to/number becomes 8; it was 7.")
    assert not Audit.objects.exists()

    tab_to(page, "reason")
    page.keyboard.type("They moved.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#explained")).to_be_visible()
    entry = Audit.objects.get()
    assert entry.details["diff"] == {"to/number": {"before": 7, "after": 8}}
    context.close()


def tab_to(page: Page, name: str) -> None:
    """Press the tab key until the field of that name has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == name:
            return
    raise AssertionError(f"The tab key does not reach {name}.")
