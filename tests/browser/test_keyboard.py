"""With a keyboard alone: all is reached and seen to be, forms are sent, the return key decides nothing by accident."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from sagas.models import Audit, Hold, Proposal
from sagas.operations import holding, second
from tests.sagas.admin.scenes import Scenes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.only_on("sqlite")]

MOST_TABS = 150
SEEN = """() => {
    const style = getComputedStyle(document.activeElement);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
}"""
SAID = "() => document.activeElement.textContent.trim()"


@pytest.fixture
def root(browser: Browser, live_server, client, django_user_model):
    """Opens a page on a phone, for somebody who may do everything."""
    client.force_login(django_user_model.objects.create_superuser("root"))
    context = browser.new_context(viewport={"width": 400, "height": 800})
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()

    def opened(name: str, *of: object) -> Page:
        page.goto(live_server.url + reverse(f"admin:{name}", args=of))
        return page

    yield opened
    context.close()


def test_an_input_is_edited_and_a_retry_decided_without_a_mouse(world, root: Callable[..., Page]):
    found = Scenes(world).parcel_refused()
    page = root("sagas_saga_verb", found.pk, "retry")

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


def test_every_verb_of_a_saga_is_reached_and_one_sees_where_one_is(world, root: Callable[..., Page]):
    page = root("sagas_saga_change", Scenes(world).going_back().pk)
    verbs = [link.inner_text() for link in page.locator("a.verb").all()]
    assert len(verbs) > 3
    reached = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        assert page.evaluate(SEEN), f"The focus is not seen on {page.evaluate(SAID)!r}."
        reached.append(page.evaluate(SAID))
        if set(verbs) <= set(reached):
            break
    assert set(verbs) <= set(reached)
    assert [said for said in reached if said in verbs] == verbs


def test_a_participant_is_held_and_a_second_person_approves_without_a_mouse(world, root: Callable[..., Page], settings):
    services = {"payments": {"url": "http://127.0.0.1:1"}}
    settings.SAGAS = {**settings.SAGAS, "SERVICES": services}
    page = root("sagas_hold_changelist")
    tab_until(page, lambda: page.evaluate(SAID) == "Hold payments")
    page.keyboard.press("Enter")
    page.wait_for_url("**/payments/hold/")
    tab_to(page, "reason")
    page.keyboard.type("It answers 500.")
    tab_until(page, lambda: page.evaluate(SAID) == "Hold")
    page.keyboard.press("Enter")
    expect(page.get_by_text("payments: It is held.")).to_be_visible()
    assert Hold.objects.get().reason == "It answers 500."
    holding.release("payments", actor="person:bob", reason="it is back")

    back = Scenes(world).going_back()
    second.ask("waive", back.pk, actor="person:bob", reason="by hand", tenant="default", arguments={"step": "charge"})
    page = root("sagas_proposal_changelist")
    tab_until(page, lambda: page.evaluate(SAID).startswith("Look, and decide"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/decide/")
    tab_to(page, "reason")
    page.keyboard.type("I saw it.")
    tab_until(page, lambda: page.evaluate(SAID) == "Refuse")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is refused.")).to_be_visible()
    assert Proposal.objects.get().decided_why == "I saw it."


def tab_to(page: Page, name: str) -> None:
    """Press the tab key until the field of that name has the focus."""
    tab_until(page, lambda: page.evaluate("document.activeElement.name") == name)


def tab_until(page: Page, is_there: Callable[[], bool]) -> None:
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if is_there():
            return
    raise AssertionError(f"The tab key does not lead there; it was last on {page.evaluate(SAID)!r}.")
