"""What a page shows is fetched anew without a reload, unless the person has stopped that."""

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect

from sagas import operations
from tests.sagas.admin.scenes import Scenes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.only_on("sqlite")]

PATIENCE = 60_000
SOON = 6_000
"""Milliseconds after which a page has looked again, on the browser's own clock, which the test puts forward."""


def test_a_page_follows_its_saga_until_it_is_told_not_to(
    world, browser: Browser, live_server, client, django_user_model
):
    found = Scenes(world).going_back()
    client.force_login(django_user_model.objects.create_superuser("root"))
    context = browser.new_context()
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    page.clock.install()
    page.goto(live_server.url + reverse("admin:sagas_saga_change", args=[found.pk]))
    sentence = page.locator("#explained .sentence")
    expect(sentence).to_contain_text("charge needs a person", timeout=PATIENCE)

    operations.pause(found.pk, actor="bob", reason="wait for the bank")
    page.clock.run_for(SOON)
    expect(sentence).to_contain_text("Paused by bob", timeout=PATIENCE)
    expect(page.locator("h1")).to_contain_text("paused", timeout=PATIENCE)

    page.get_by_label("Refresh every 5 seconds").uncheck()
    operations.resume(found.pk, actor="bob", reason="the bank is open")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(SOON)
    expect(sentence).to_contain_text("Paused by bob")
    assert asked == []

    page.get_by_label("Refresh every 5 seconds").check()
    for is_hidden in ("true", "false"):
        assert asked == []
        page.evaluate(f"Object.defineProperty(document, 'hidden', {{value: {is_hidden}, configurable: true}})")
        page.clock.run_for(SOON)
    page.clock.run_for(SOON)
    expect(sentence).to_contain_text("charge needs a person", timeout=PATIENCE)
    context.close()
