"""The console on a real installation, in a browser: what people on call do there, and what comes of it.

One installation serves all stories; each has sagas of its own. PICTURES=folder keeps the pictures of the documentation.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.scene import MINUTE, Scene
from tests.harness.browser import launched, picture
from tests.harness.waiting import wait_until

pytestmark = [
    *(pytest.mark.browser, pytest.mark.postgres, pytest.mark.redis),
    pytest.mark.xdist_group("console"),  # one process has the installation
]

ORDERS, BROKEN = 120, 3
PATIENCE = 90_000
LONG = 3 * MINUTE
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 400, "height": 800}
PASSWORD = "on call at three in the morning"
PEOPLE = {"ann": ["operator"], "bob": ["operator"], "vera": ["viewer"], "sam": ["sales"]}
MAKE_PEOPLE = """
from django.contrib.auth.models import Group, User
for name, groups in {people}.items():
    user = User.objects.create_user(name, password={password!r}, is_staff=True)
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
"""


@pytest.fixture(scope="module")
def hall(_postgres, _redis, _shop) -> Iterator[Scene]:
    """An installation with a worker and people who may log in."""
    _postgres.start()
    _redis.start()
    _redis.flush()
    _shop.clear()
    with Scene(_postgres, _redis, _shop, environment={"APPS": "tests.acceptance.oncall"}) as scene:
        scene.product.manage("shell", "-c", MAKE_PEOPLE.format(people=PEOPLE, password=PASSWORD))
        scene.worker("threads", 4)
        scene.product.beat()
        yield scene


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture
def visit(hall: Scene, browser: Browser) -> Iterator[Callable[..., Page]]:
    """A window of somebody who has logged in: `visit("ann", PHONE)`."""
    contexts = []

    def log_in(name: str, size: Any = WIDE, scheme: Any = "light") -> Page:
        context = browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.goto(f"{address(hall)}/admin/login/?next=/admin/sagas/approval/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Approvals")).to_be_visible()
        return page

    yield log_in
    for context in contexts:
        context.close()


def test_a_night_on_call(hall: Scene, visit):
    """120 orders fail, as payments answer 500; later they are retried, 117 recover, and 3 are not said to have."""
    hall.shop.switch("payments", "error", path="/charges", times=None)
    orders = begun(hall, "purchase", ORDERS)
    wait_until(lambda: hall.states(orders)["stuck"] == ORDERS, "all orders need a person", LONG)
    page = visit("ann", PHONE, "dark")
    page.goto(address(hall) + "/admin/sagas/incident/")
    expect(page.locator("#groups tr").filter(has_text="purchase")).to_contain_text(str(ORDERS))
    picture(page, "console-start-phone")

    page.goto(wait_until(lambda: link_of_alert(hall, "purchase"), "an alert is written", LONG))
    expect(page.locator("#explained")).to_contain_text(f"{ORDERS} sagas need a person")
    page.get_by_role("button", name="I take it").click()
    expect(page.locator("#explained")).to_contain_text("With ann")
    picture(page, "console-cause-phone")

    page.locator("table.sagas tbody a").first.click()
    expect(page.locator("#explained")).to_contain_text("charge needs a person since")
    expect(page.locator("#explained")).to_contain_text("An order of alice, 1.00 EUR")
    expect(page.locator("#story")).to_contain_text("charge")
    pictures_of(visit, page.url)
    page.go_back()

    hall.shop.clear("payments")
    hall.shop.switch("payments", "error", path="/charges", times=BROKEN)
    page.get_by_role("button", name="Decide on all that match").click()
    expect(page.get_by_text(f"{ORDERS} are eligible")).to_be_visible()
    page.get_by_label("Sagas a minute").fill("6000")
    page.get_by_label("Why?").fill("Payments answer again, says their team.")
    picture(page, "console-bulk-phone")
    page.get_by_role("button", name=f"Retry {ORDERS}").click()
    page.wait_for_url("**/change/")

    progress = page.locator("#progress")
    recovered = f"{ORDERS - BROKEN} of {ORDERS} recovered, {BROKEN} failed again"
    expect(progress).to_contain_text(recovered, timeout=PATIENCE * 2)
    expect(progress.locator(".state")).to_have_text("done")
    picture(page, "console-operation-phone")
    page.get_by_role("link", name=f"{BROKEN} failed again").click()
    expect(page.locator("#items tbody tr")).to_have_count(BROKEN)
    assert hall.states(orders) == {"completed": ORDERS - BROKEN, "stuck": BROKEN}
    decided = "SELECT count(*) AS n FROM sagas_audit WHERE verb = 'retry' AND actor = 'person:ann' AND reason LIKE %s"
    assert hall.rows(decided, "Payments answer again%")[0]["n"] == ORDERS

    for left in page.locator("#items tbody a").all():
        hall.retry(str(left.get_attribute("href")).split("/")[-3])
    assert hall.all_end(orders) == {"completed": ORDERS}


def test_a_compensation_that_cannot_be_done_is_waived_with_evidence(hall: Scene, visit):
    [parcel] = begun(hall, "parcel", given={"parcel": "P-7"})
    wait_until(lambda: hall.states([parcel])["stuck"] == 1, "the parcel needs a person", LONG)
    page = visit("ann")
    page.goto(f"{address(hall)}/admin/sagas/saga/{parcel}/change/")
    expect(page.locator("#explained")).to_contain_text("The parcel has left the country")
    picture(page, "console-stuck")
    page.get_by_role("link", name="Waive …").click()
    expect(page.get_by_label("What it will do")).to_contain_text("compensated")
    page.get_by_role("button", name="Waive", exact=True).click()
    expect(page.locator(".field.wrong")).to_contain_text("Say why")
    page.get_by_label("Why?").fill("The parcel desk has it back: form 4711.")
    page.get_by_role("button", name="Waive", exact=True).click()
    expect(page.locator("#explained")).to_contain_text("Undone by hand: send_parcel")
    evidence = "waive send_parcel by person:ann: The parcel desk has it back: form 4711."
    expect(page.locator("#audit")).to_contain_text(evidence)
    assert hall.states([parcel]) == {"compensated": 1}


def test_a_yes_is_said_on_a_phone(hall: Scene, visit):
    [asked] = begun(hall, "discount")
    wait_until(lambda: hall.states([asked])["waiting"] == 1, "it waits for a yes", LONG)
    page = visit("sam", PHONE)
    page.reload()
    row = page.get_by_role("row").filter(has_text="grant_discount")
    expect(row).to_contain_text("alice asks for a discount on 1.00 EUR")
    picture(page, "console-approvals-phone")
    row.get_by_role("link").click()
    page.get_by_role("link", name="Yes …").click()
    page.get_by_label("Discount in per cent").fill("80")
    page.get_by_label("Why?").fill("A good customer.")
    page.get_by_role("button", name="Decide").click()
    expect(page.locator(".node.wrong")).to_contain_text("less than or equal to 50")
    page.get_by_label("Discount in per cent").fill("20")
    page.get_by_role("button", name="What would it do?").click()
    expect(page.get_by_label("What it will do")).to_contain_text("grant_discount is granted")
    page.get_by_label("Why?").fill("A good customer.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture(page, "console-approval-phone")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("Your decision on grant_discount")).to_be_visible()
    assert hall.all_end([asked]) == {"completed": 1}
    [said] = hall.rows("SELECT given FROM sagas_run WHERE saga_id = %s AND kind = 'approval'", asked)
    assert (said["given"]["by"], said["given"]["form"]) == ("person:sam", {"discount": 20})


def test_of_two_who_decide_at_once_one_does_and_the_other_is_told(hall: Scene, visit):
    [parcel] = begun(hall, "parcel", given={"parcel": "P-8"})
    wait_until(lambda: hall.states([parcel])["stuck"] == 1, "the parcel needs a person", LONG)
    pages = [visit(name) for name in ("ann", "bob")]
    for page in pages:
        page.goto(f"{address(hall)}/admin/sagas/saga/{parcel}/waive/")
        page.get_by_label("Why?").fill("I have it back.")
    first, second = pages
    first.get_by_role("button", name="Waive", exact=True).click()
    expect(first.locator("#explained")).to_contain_text("Undone by hand: send_parcel")
    second.get_by_role("button", name="Waive", exact=True).click()
    told = second.get_by_role("alert").first
    expect(told).to_contain_text("Not done.")
    expect(told).to_contain_text("ann decided: waive send_parcel (I have it back.)")
    picture(second, "console-too-late")
    [count] = hall.rows("SELECT count(*) AS n FROM sagas_audit WHERE saga_id = %s", parcel)
    assert count["n"] == 1


def test_who_may_only_look_is_offered_nothing_and_refused_everything(hall: Scene, visit):
    [parcel] = begun(hall, "parcel", given={"parcel": "P-9"})
    wait_until(lambda: hall.states([parcel])["stuck"] == 1, "the parcel needs a person", LONG)
    page = visit("vera")
    page.goto(f"{address(hall)}/admin/sagas/saga/{parcel}/change/")
    expect(page.locator("#explained")).to_contain_text("send_parcel needs a person")
    seen = [page.content(), page.request.get(f"{address(hall)}/api/v1/sagas/{parcel}/").text()]
    assert not [said for said in seen if "left the country" in said or "P-9" in said]
    assert page.locator("a.verb").count() == 0
    page.goto(f"{address(hall)}/admin/sagas/saga/")
    expect(page.locator("table.sagas tbody tr").first).to_be_visible()
    assert page.get_by_role("checkbox").count() == 0
    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken")
    sent = {"csrfmiddlewaretoken": token, "reason": "me", "do": "1", "id": parcel, "verb": "waive", "rate": "60"}
    for refused in (f"saga/{parcel}/waive/", f"saga/{parcel}/give-up/", "bulkoperation/begin/", "incident/look-after/"):
        answer = page.request.post(f"{address(hall)}/admin/sagas/{refused}", form=sent)
        assert answer.status == 403, refused
    over_rest = f"{address(hall)}/api/v1/sagas/{parcel}/waive/"
    headers = {"X-CSRFToken": token, "Referer": address(hall)}
    assert page.request.post(over_rest, data={"step": "send_parcel", "reason": "me"}, headers=headers).status == 403
    assert hall.rows("SELECT 1 FROM sagas_audit WHERE saga_id = %s", parcel) == []


def begun(hall: Scene, definition: str, number: int = 1, given: dict[str, Any] | None = None) -> list[str]:
    """So many sagas, started over REST; the installation's judge counts the purchases."""
    if given is None:
        return hall.order(number, definition=definition)
    answer = hall.api.post("/api/v1/sagas/", json={"definition": definition, "input": given})
    assert answer.status_code == 201, answer.text
    hall.started.append(answer.json()["id"])
    return [answer.json()["id"]]


def address(hall: Scene) -> str:
    return str(hall.api.base_url).rstrip("/")


def link_of_alert(hall: Scene, definition: str) -> str | None:
    """Where the message leads that people on call were sent."""
    for message in hall.rows("SELECT text FROM sagas_alertmessage ORDER BY id"):
        for word in message["text"].split():
            if word.startswith(address(hall)) and f"definition={definition}" in word:
                return str(word)
    return None


def pictures_of(visit: Callable[..., Page], url: str) -> None:
    """One saga's page and the start page as they are on a desk, light and dark, if pictures are wanted."""
    if "PICTURES" not in os.environ:
        return
    for name, scheme in (("bob", "light"), ("ann", "dark")):
        page = visit(name, WIDE, scheme)
        for what, where in (("start", "/admin/sagas/incident/"), ("saga", urlsplit(url).path)):
            page.goto(f"{url.partition('/admin/')[0]}{where}")
            picture(page, f"console-{what}-{scheme}")
