"""Settings, masks and the state machine say no to what is not meant."""

import json
from datetime import time, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from gateway.ids import uuid7
from notifications import digests
from notifications.checks import check_settings
from notifications.conf import Category, Digest, conf
from notifications.lifecycle import ARROWS, ENDS, WAITING, MachineError, Status, move
from notifications.masking import masked, without_addresses
from notifications.models import Allowance, Notification


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"QEUE": "x"}, "no setting 'QEUE'"),
        ({"PROVIDERS": {"pager": {"channel": "pager", "path": "nowhere.Pager"}}}, "which fails"),
        ({"PROVIDERS": {"pager": {"channel": "pager", "path": "datetime.timedelta"}}}, "is no Channel"),
        ({"PROVIDERS": {"pager": {"chanel": "pager"}}}, "is a dict of 'channel'"),
        ({"PROVIDERS": {"pager": "notifications.channels.email.Email"}}, "is a dict of 'channel'"),
        (
            {
                "PROVIDERS": {
                    "w": {"channel": "w", "path": "notifications.channels.webhook.Webhook", "options": {"x": 1}}
                }
            },
            "cannot be made with the options x (TypeError)",
        ),
    ],
)
def test_the_checks_find_what_is_wrong(settings, given, sentence):
    settings.NOTIFICATIONS = given
    (error,) = check_settings()
    assert sentence in error.msg


def test_the_defaults_are_right(settings):
    settings.NOTIFICATIONS = {}
    assert check_settings() == []


def test_a_changed_setting_counts_at_once(settings):
    settings.NOTIFICATIONS = {"QUEUE": "letters"}
    assert conf().queue == "letters"
    settings.NOTIFICATIONS = {"QEUE": "letters"}
    with pytest.raises(ImproperlyConfigured):
        conf()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("jane@example.org", "j…@example.org"),
        ("j@example.org", "j…@example.org"),
        ('"a@b"@example.org', '"…@example.org'),
        ("+4917012345678", "+…8"),
        ("1234", "…"),
        ("https://example.org/hooks/secret?key=secret", "https://example.org/…"),
        ("slack://token-a/token-b/token-c", "slack://…"),
    ],
)
def test_addresses_are_masked(address, shown):
    assert masked(address) == shown
    assert without_addresses(f"<{address}> is unknown", {"any": address}) == f"<{shown}> is unknown"


def test_every_status_has_its_arrows_and_only_news_or_a_retry_leaves_an_end():
    assert set(ARROWS) == set(Status.values) == {*WAITING, *ENDS, "sending"}
    for status in Status:
        news = {"sent", "delivered", "bounced", "failed", "queued", "digested"}
        if status == "digested":  # it ends as its digest does
            news = set(ENDS)
        assert set(ARROWS[status].split()) <= (news if status in ENDS else set(Status.values))
    assert [status for status in Status if "sending" in ARROWS[status].split()] == ["queued"]


def test_categories_can_be_written_in_json(settings):
    written = {
        "comments": {"digest": {"every": "PT30M", "most": 5}},
        "report": {"digest": {"at": ["08:00", "18:00"], "template": "report"}, "quiet": False},
        "offer": {"lifetime": "P1D", "per_hour": 2, "over": "digest"},
    }
    settings.NOTIFICATIONS = {"CATEGORIES": json.loads(json.dumps(written)), "PER_HOUR": {"sms": 10}}
    known = conf().categories
    assert list(known) == ["transactional", "code", "payment", "news", "comments", "report", "offer", "callback"]
    assert known["comments"] == Category(digest=Digest(every=timedelta(minutes=30), most=5))
    assert known["report"] == Category(digest=Digest(at=(time(8), time(18)), template="report"), quiet=False)
    assert known["offer"] == Category(lifetime=timedelta(days=1), per_hour=2, over="digest")


@pytest.mark.parametrize(
    "entry",
    [
        17,
        [],
        "news",
        {"mandtory": True},
        {"mandatory": "yes"},
        {"lifetime": 10},
        {"lifetime": "soon"},
        {"digest": {"at": ["25:00"]}},
        {"digest": {"every": 60}},
        {"digest": {"evry": "PT1H"}},
        {"digest": True},
        {"over": "explode"},
        {"per_hour": -1},
        {"per_hour": "2"},
    ],
)
def test_a_category_that_cannot_be_is_found_by_the_checks(settings, entry):
    settings.NOTIFICATIONS = {"CATEGORIES": {"comments": entry}}
    (found,) = check_settings()
    assert found.id == "notifications.E001"


@pytest.mark.parametrize("change", [{"CATEGORIES": ["news"]}, {"PER_HOUR": [5]}, {"PER_HOUR": {"sms": "5"}}])
def test_what_is_no_dict_of_limits_or_categories_is_found_by_the_checks(settings, change):
    settings.NOTIFICATIONS = change
    (found,) = check_settings()
    assert found.id == "notifications.E001"


def test_an_arrow_that_is_not_drawn_raises():
    row = SimpleNamespace(status="delivered")
    for status in set(Status) - {Status.QUEUED}:
        with pytest.raises(MachineError):
            move(row, status)
    assert row.status == "delivered"


@pytest.fixture
def many() -> None:
    """Some of each kind among many that have ended, and PostgreSQL knows how many of each there are."""
    now = timezone.now()
    kinds: list[dict[str, Any]] = [
        {"status": Status.DELIVERED, "due_at": None},
        {"status": Status.FAILED, "due_at": None},
        {"status": Status.SENT, "due_at": None, "escalate_at": now},
        {"status": Status.SENDING, "due_at": None, "lease_until": now},
        {"status": Status.QUEUED, "due_at": now},
        {"status": Status.SCHEDULED, "due_at": now, "collected_until": now},
    ]
    shared = {"caller": "a test", "receiver": {}, "content": {}, "category": "orders"}
    Notification.objects.bulk_create(
        Notification(
            **shared,
            **(kinds[0] if number % 10 else kinds[number // 10 % 6]),
            tenant=f"shop-{number % 300}",
            digest_group="" if number % 10 else f"{number % 300}",
        )
        for number in range(3000)
    )
    digest = Notification.objects.filter(status=Status.SENT)[:1].get()
    Notification.objects.filter(status=Status.FAILED).update(digest=digest)
    Allowance.objects.bulk_create(Allowance(pk=f"{number}", over_at=now) for number in range(3000))
    with connection.cursor() as cursor:
        for model in (Notification, Allowance):
            cursor.execute(f'ANALYZE "{model._meta.db_table}"')


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (lambda: Notification.objects.due().order_by("rank", "due_at")[:500], "notification_due"),
        (lambda: Notification.objects.overdue().order_by("lease_until")[:200], "notification_leased"),
        (lambda: Notification.objects.unheeded().order_by("escalate_at")[:200], "notification_unheeded"),
        (lambda: Notification.objects.of("shop-7").order_by("-id")[:50], "notification_newest"),
        (lambda: Notification.objects.filter(digest=uuid7()).order_by("-id")[:50], "notification_digested"),
        (
            lambda: digests._collected(Notification(tenant="shop-7", digest_group="7")).order_by("pk"),
            "notification_collected",
        ),
        (lambda: Allowance.objects.filter(over_at__lte=Now()).order_by("over_at")[:1000], "allowance_over"),
        (lambda: Notification.objects.filter(status="failed").order_by("-id")[:50], "notification_by_status"),
    ],
)
def test_each_question_about_many_rows_has_its_index(many, rows, index):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
    assert index in rows().explain()
