"""No receiver gets more within an hour than the settings say, but for what is mandatory."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from notifications import allowances, delivery
from notifications.channels.channel import ChannelError
from notifications.conf import Category, Digest, conf
from notifications.models import Allowance, Notification, ProviderHealth
from notifications.sweep import sweep
from notifications.verdict import Result
from tests.notifications.door import PATH
from tests.notifications.post import CALLER, a_notification, later, now

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def limited(pigeon, settings):
    """Two an hour of one category, three an hour through the channel."""

    def limited(**category):
        settings.NOTIFICATIONS = {
            **settings.NOTIFICATIONS,
            "CATEGORIES": {
                "news": Category(per_hour=2, quiet=False, **category),
                "hints": Category(quiet=False),
                "code": Category(mandatory=True, per_hour=1),
            },
            "PER_HOUR": {"pigeon": 3},
        }
        return pigeon

    return limited


def sent(number, **values):
    """So many messages, each tried once."""
    found = [a_notification(**{"category": "news", **values}).pk for _ in range(number)]
    for pk in found:
        delivery.deliver(pk)
    return found


def an_hour_passes():
    later(HOUR)
    for row in Allowance.objects.all():
        row.times = [at - HOUR.total_seconds() for at in row.times]
        row.over_at -= HOUR
        row.save()


def stati(pks):
    return [now(pk).status for pk in pks]


def test_what_is_beyond_waits_until_there_is_a_place_again(limited):
    limited()
    pks = sent(3)
    assert stati(pks) == ["sent", "sent", "scheduled"]
    waits = now(pks[2])
    assert waits.error == "The receiver has had 2 an hour of the category news through pigeon."
    first = now(pks[0]).attempts.get().started_at
    assert abs(waits.due_at - first - HOUR) < timedelta(minutes=10)
    assert (waits.tries, delivery.deliver(pks[2])) == (0, None)
    an_hour_passes()
    assert delivery.deliver(pks[2]) == "sent"


def test_no_sixty_minutes_see_more(limited):
    """Two at the end of an hour and two at the beginning of the next one would be four within a minute."""
    limited()
    sent(1)
    row = Allowance.objects.get(times__0__isnull=False, key=key("news"))
    row.times = [at - HOUR.total_seconds() + 60 for at in row.times]
    row.save()
    pks = sent(2)
    assert stati(pks) == ["sent", "scheduled"]
    assert now(pks[1]).due_at - datetime.now(UTC) < timedelta(minutes=1)


def key(category, channel="pigeon", address="17"):
    return allowances._key(category, CALLER.tenant, channel, address)


def test_a_channel_has_a_limit_over_all_categories(limited):
    limited()
    pks = [*sent(2), *sent(2, category="hints")]
    assert stati(pks) == ["sent", "sent", "sent", "scheduled"]
    assert now(pks[3]).error == "The receiver has had 3 an hour through pigeon."


def test_what_is_mandatory_is_never_held_up_and_takes_no_place(limited):
    limited()
    pks = [*sent(4, category="code"), *sent(2)]
    assert stati(pks) == ["sent"] * 6


def test_what_is_kept_instead_of_sent_takes_no_place_and_meets_the_limit(limited):
    limited()
    assert stati([*sent(3, sandbox=True), *sent(2), *sent(1, sandbox=True)]) == ["sent"] * 5 + ["scheduled"]


def test_another_receiver_has_a_limit_of_its_own(limited):
    limited()
    assert stati([*sent(2), *sent(2, receiver={"loft": "18"})]) == ["sent"] * 4


def test_a_further_try_takes_no_further_place(limited):
    pigeon = limited()
    pigeon.script.extend([ChannelError("It rains.")] * 3)
    (pk,) = sent(1)
    for _ in range(3):
        later(timedelta(days=1))
        delivery.deliver(pk)
    assert (now(pk).status, now(pk).tries) == ("sent", 4)
    assert stati(sent(2)) == ["sent", "scheduled"]


def test_what_no_provider_takes_takes_no_place(limited):
    pigeon = limited()
    pigeon.script.append(ChannelError("Wrong key.", Result.DENIED))
    refused = sent(1)
    sent(3)
    ProviderHealth.objects.all().delete()
    assert stati(refused) == ["queued"]
    assert len(Allowance.objects.get(pk=key("news")).times) == 1


def test_what_is_beyond_is_left_out_where_the_category_says_so(limited):
    limited(over="drop")
    pks = sent(3)
    assert stati(pks) == ["sent", "sent", "skipped"]
    assert now(pks[2]).error == "The receiver has had 2 an hour of the category news through pigeon."


def test_what_is_beyond_is_collected_where_the_category_says_so(limited):
    pigeon = limited(over="digest")
    pks = sent(5)
    assert stati(pks) == ["sent", "sent", *["scheduled"] * 3]
    an_hour_passes()
    Notification.objects.exclude(collected_until=None).update(collected_until=datetime.now(UTC) - HOUR)
    for pk in pks[2:]:
        delivery.deliver(pk)
    digest = now(pks[2]).digest
    assert delivery.deliver(digest.pk) == "sent"
    assert (stati(pks[2:]), pigeon.letters[-1].subject) == (["sent"] * 3, "3 messages")


def test_a_digest_that_is_beyond_the_limit_waits(limited):
    limited(over="digest", digest=Digest(every=HOUR))
    sent(2, priority="urgent")
    pks = sent(2)
    Notification.objects.filter(pk__in=pks).update(
        collected_until=datetime.now(UTC) - HOUR, due_at=datetime.now(UTC) - HOUR
    )
    delivery.deliver(pks[0])
    digest = now(pks[0]).digest
    assert (delivery.deliver(digest.pk), now(digest.pk).status, stati(pks)) == (None, "scheduled", ["digested"] * 2)


def test_a_dry_run_says_that_it_would_wait_and_takes_no_place(limited, service):
    limited()
    body = '{"receiver": {"loft": "17"}, "content": "coo", "category": "news"}'

    def told():
        return service.post(f"{PATH}?dry_run=true", body, content_type="application/json").json()

    assert [told()["outcome"] for _ in range(3)] == ["sent"] * 3
    sent(2)
    assert (told()["outcome"], told()["why"]) == (
        "scheduled",
        "The receiver has had 2 an hour of the category news through pigeon.",
    )


def test_what_says_nothing_any_more_is_forgotten(limited):
    limited()
    sent(1)
    sweep()
    assert Allowance.objects.count() == 2
    an_hour_passes()
    sweep()
    assert Allowance.objects.count() == 0


@pytest.mark.parametrize("change", [{"PER_HOUR": {"sms": -1}}, {"CATEGORIES": {"news": Category(per_hour=1001)}}])
def test_a_limit_that_cannot_be_is_refused(settings, change):
    settings.NOTIFICATIONS = change
    with pytest.raises(ImproperlyConfigured, match="a limit is 0 to 1000"):
        conf()


@pytest.mark.parametrize("change", [{"most": 1}, {"every": timedelta()}])
def test_a_digest_that_cannot_be_is_refused(change):
    with pytest.raises(ImproperlyConfigured, match="two messages at least"):
        Digest(**change)


def test_what_is_beyond_waits_is_collected_or_left_out_and_nothing_else():
    with pytest.raises(ImproperlyConfigured, match="wait, digest or drop"):
        Category(over="explode")  # type: ignore[arg-type]
