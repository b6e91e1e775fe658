import time

from gateway.ids import uuid7


def test_an_id_is_a_uuid_of_version_7():
    made = uuid7()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")


def test_ids_sort_by_the_time_they_were_made_and_are_never_the_same():
    made = [uuid7() for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_keep_their_order_where_the_clock_stands_or_is_put_back(monkeypatch):
    begun = time.time_ns()
    clock = iter([begun, begun, begun - 10**9, begun + 10**9])
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    made = [uuid7() for _ in range(4)]
    assert made == sorted(made)
    assert [found.int >> 80 for found in made[::3]] == [begun // 10**6, begun // 10**6 + 1000]
