"""A short story of the person on call, in a browser: a cause, one saga, many retried, and the truth about each."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from sagas import Abort
from sagas.models import Audit, BulkOperation, Saga
from sagas.operations.working import run_bulk
from sagas.record import clock
from tests.browser.conftest import photograph
from tests.sagas.admin.scenes import Scenes
from tests.sagas.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.only_on("sqlite")]

ORDERS, BROKEN = 6, 2
PATIENCE = 60_000


def test_a_cause_is_found_understood_and_repaired(world, browser: Browser, live_server, django_user_model, pictures):
    orders = Scenes(world).of_one_cause(ORDERS)
    django_user_model.objects.create_superuser("ann", password="on call at three")
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.set_default_timeout(PATIENCE)

    logged_in(page, live_server.url + reverse("admin:sagas_incident_changelist"))
    expect(page.get_by_role("row").filter(has_text="http_5xx")).to_contain_text(str(ORDERS))
    page.get_by_role("link", name="order charge http_5xx").click()
    page.get_by_role("button", name="I take it").click()
    expect(page.locator("#explained")).to_contain_text("With ann")

    page.get_by_role("link", name="order order-0003").click()
    expect(page.locator("#explained")).to_contain_text("charge needs a person since")
    photograph(page, pictures, "story-saga")
    page.go_back()

    page.get_by_role("button", name="Decide on all that match").click()
    expect(page.get_by_text(f"{ORDERS} are eligible")).to_be_visible()
    page.get_by_label("Sagas a minute").fill("6000")
    page.get_by_role("button", name=f"Retry {ORDERS}").click()
    assert not BulkOperation.objects.exists(), "a reason is wanted"
    page.get_by_label("Why?").fill("Payments answer again.")
    page.get_by_role("button", name=f"Retry {ORDERS}").click()
    page.wait_for_url("**/change/")
    photograph(page, pictures, "story-begun")

    worked_off(world, orders)
    page.reload()
    expect(page.locator("#progress")).to_contain_text(f"{ORDERS - BROKEN} of {ORDERS} recovered, {BROKEN} failed again")
    photograph(page, pictures, "story-done")
    page.get_by_role("link", name=f"{BROKEN} failed again").click()
    expect(page.locator("#items tbody tr")).to_have_count(BROKEN)
    assert Audit.objects.filter(verb="retry", actor="person:ann", reason="Payments answer again.").count() == ORDERS
    page.close()


def logged_in(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("on call at three")
    page.get_by_role("button", name="Log in").click()


def worked_off(world: World, orders: list[Saga]) -> None:
    """The workers ask each saga in its turn; payments answer again, but for the last ones."""
    for _ in orders:
        BulkOperation.objects.update(at=clock.now())
        run_bulk()
        world.later(timedelta(seconds=1))
    for number, found in enumerate(orders):
        if number >= ORDERS - BROKEN:
            world.script("charge", Abort("The payment service answered 500.", code="http_5xx"))
        world.work(found)
    BulkOperation.objects.update(at=clock.now())
    run_bulk()
