"""Every page of the console in a browser: nothing for axe-core to find, nothing wider than a phone, nothing refused."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext

from gateway import keys
from sagas.engine.alerting import look_for_trouble
from sagas.models import Alert, AlertMessage, EventLane, InboxEvent, OutboxEvent, Saga, SavedView, Sweep
from sagas.operations import holding, second
from sagas.operations.bulk import begin_bulk
from sagas.record import clock
from tests.browser.conftest import photograph
from tests.sagas.admin.parcels import PARCEL
from tests.sagas.admin.scenes import RUDE, Scenes
from tests.sagas.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.only_on("sqlite")]

SIZES = {"wide": (1280, 900), "phone": (400, 800)}
MODES = [("wide", "light"), ("phone", "dark")]
"""Each page is looked at in one of them, and with PICTURES, the folder to keep photographs in, in both."""
GROUP = "?definition=order&step=charge&code=http_5xx"
EDITED = "?input=" + quote(json.dumps({**PARCEL, "lines": [*PARCEL["lines"], {"sku": "rope", "quantity": "many"}]}))
OF_AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def pages(world: World) -> Iterator[tuple[str, str]]:
    """The hard pages, by what a picture of each is called."""
    scenes = Scenes(world)
    long, wide, back = scenes.two_hundred_steps(), scenes.forty_branches(), scenes.going_back()
    doubt, rude, rich = scenes.in_doubt(), scenes.rude(), scenes.of_everything()
    many = Saga.objects.filter(pk__in=[found.pk for found in scenes.of_one_cause(20)])
    about: dict[str, Any] = {"actor": "person:root", "reason": "They pay again.", "tenant": "default"}
    bulk = begin_bulk("retry", many, rate=60, selection={"filter": {"code": "http_5xx"}}, **about)
    for name, found in {"long": long, "wide": wide, "back": back, "rude": rude, "rich": rich}.items():
        yield name, reverse("admin:sagas_saga_change", args=[found.pk])
    for slug, found in (("retry", back), ("give-up", back), ("resolve", doubt), ("reschedule", rich), ("decide", rich)):
        yield f"verb-{slug}", reverse("admin:sagas_saga_verb", args=[found.pk, slug])
    for name in ("incident", "saga", "worker", "audit", "bulkoperation"):
        yield name, reverse(f"admin:sagas_{name}_changelist")
    yield "group", reverse("admin:sagas_incident_group") + GROUP
    yield "found-none", reverse("admin:sagas_saga_changelist") + "?q=nothing&state=stuck"
    yield "bulk", reverse("admin:sagas_bulk_begin") + f"?id={back.pk}&id={doubt.pk}"
    yield "operation", reverse("admin:sagas_bulkoperation_change", args=[bulk.pk])
    yield from own_pages(scenes, rich)
    yield from events_pages(rich)
    ringing()
    yield from safety_pages(back)
    yield "definitions", reverse("admin:sagas_definitions")
    yield "definition", reverse("admin:sagas_definition", args=["voyage"])


def own_pages(scenes: Scenes, rich: Saga) -> Iterator[tuple[str, str]]:
    """What belongs to people rather than to sagas: approvals, views, keys, and forms with every kind of field."""
    yield "verb-edit", reverse("admin:sagas_saga_verb", args=[scenes.parcel_refused().pk, "retry"]) + EDITED
    yield "approvals", reverse("admin:sagas_approval_changelist")
    yield "approval", reverse("admin:sagas_approval_decide", args=[rich.pk, "large_order"]) + "?approved=yes"
    for called, query in (("Late", "show=live"), ("V" * 80, "state=stuck&definition=order"), (RUDE, "show=all")):
        about = {"tenant": "default", "owner": "root", "is_shared": True, "created_at": clock.now()}
        SavedView.objects.create(name=called[:80], query=query, **about)
    yield "views", reverse("admin:sagas_saga_changelist") + "?state=stuck&definition=order"
    keys.issue("shop", tenant="default", scopes=["read", "start"], definitions=["order"])
    key = keys.issue("k" * 100, tenant="default", scopes=["read"], rate=60).row
    yield "keys", reverse("admin:gateway_apikey_changelist")
    yield "key-new", reverse("admin:gateway_apikey_new")
    for deed in ("rotate", "revoke"):
        yield f"key-{deed}", reverse(f"admin:gateway_apikey_{deed}", args=[key.pk])


def safety_pages(back: Saga) -> Iterator[tuple[str, str]]:
    """What is held, and what waits for a second person."""
    about: dict[str, Any] = {"actor": "person:bob", "tenant": "default", "reason": RUDE}
    known = sorted(holding.known())
    if known:
        holding.hold(known[0], **about)
    yield "participants", reverse("admin:sagas_hold_changelist")
    for verb, name in zip(("release", "hold"), known, strict=False):
        yield f"participant-{verb}", reverse("admin:sagas_hold_verb", args=[name, verb])
    proposal = second.ask("give_up", back.pk, **about)
    yield "proposal", reverse("admin:sagas_proposal_decide", args=[proposal.pk])
    yield "alerts", reverse("admin:sagas_alert_changelist")
    yield "proposals", reverse("admin:sagas_proposal_changelist")


def ringing() -> None:
    """What rings, and what is over, with long and rude words, told and not told."""
    now = clock.now()
    Sweep.objects.create(at=now, steady_since=now)
    look_for_trouble(now)
    alerts = list(Alert.objects.order_by("id"))
    AlertMessage.objects.filter(alert=alerts[0]).update(done_at=now)
    AlertMessage.objects.filter(alert=alerts[1]).update(tries=3, error=RUDE, owner="o" * 150, severity="urgent")
    Alert.objects.filter(pk=alerts[2].pk).update(over_at=now)


def events_pages(rich: Saga) -> Iterator[tuple[str, str]]:
    """Events that are parked on their way out and in, with long and rude words."""
    now = clock.now()
    log = [{"at": now.isoformat(), "status": 500, "ms": 31}]
    known: dict[str, Any] = {"tenant": "default", "at": now, "state": "parked"}
    for kind, target in (("stock.reserve", "partner"), ("w" * 100, "t" * 63), ("parcel.packed", "")):
        about = {"saga": rich.pk, "rev": 1, "number": 0, "document": {"id": f"{rich.pk}.1.0"}, "log": log, "tries": 20}
        OutboxEvent.objects.create(**known, **about, type=kind, target=target, error=RUDE[:300] or "It answered 500.")
    for number, reason in enumerate(("It is not JSON in UTF-8.", RUDE * 3)):
        where = {"source": "shop", "origin": "/shop", "event_id": f"{number}" * 200}
        InboxEvent.objects.create(**known, **where, type="order.created", reason=reason[:500])
    EventLane.objects.create(name="partner", failures=3, failing_since=now, error=RUDE[:300])
    yield "events", reverse("admin:sagas_outboxevent_changelist")
    yield "events-drop", reverse("admin:sagas_outboxevent_act") + f"?direction=out&verb=drop&of={'t' * 63}"
    yield "untold", reverse("admin:sagas_saga_changelist") + "?show=untold"


def test_no_page_keeps_anybody_out(world, browser: Browser, live_server, client, django_user_model, settings, pictures):
    services = {name: {"url": "http://127.0.0.1:1"} for name in ("payments", "s" * 63)}
    settings.SAGAS = {**settings.SAGAS, "SERVICES": services}
    client.force_login(django_user_model.objects.create_superuser("root"))
    faults: list[str] = []
    addresses = list(pages(world))
    for number, (size, scheme) in enumerate(MODES):
        with opened(browser, live_server.url, client, size, scheme) as context:
            page = context.new_page()
            page.on("console", partial(heard, faults))
            for name, address in addresses if pictures else addresses[number :: len(MODES)]:
                assert page.goto(live_server.url + address).status == 200, name
                photograph(page, pictures, f"{name}-{size}-{scheme}")
                width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                faults += [f"{name} {size}: {width} px wider than the screen"] if width > 0 else []
                faults += [f"{name} {size} {scheme}: {fault}" for fault in faults_of(page)]
    told = "\n".join(fault for fault in faults if "favicon" not in fault)
    assert not told, told


def heard(faults: list[str], said: Any) -> None:
    """What the browser complains of, such as something that the page's policy forbids."""
    faults.append(f"{said.location['url']}: {said.text}")


def opened(browser: Browser, url: str, client: Any, size: str, scheme: Any) -> BrowserContext:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}])
    return context


def faults_of(page: Any) -> list[str]:
    """What axe-core finds in what is ours: the admin's own header and footer are left out."""
    answer = Axe().run(page, context={"exclude": [["#header"], ["#footer"]]}, options=OF_AXE)
    return [
        f"{fault['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for fault in answer.response["violations"]
        for node in fault["nodes"][:3]
    ]
