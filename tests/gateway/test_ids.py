from gateway.ids import uuid7


def test_an_id_is_a_uuid_of_version_7():
    made = uuid7()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")


def test_ids_sort_by_the_time_they_were_made_and_are_never_the_same():
    made = [uuid7() for _ in range(10_000)]
    times = [found.int >> 80 for found in made]
    assert times == sorted(times)
    assert len(set(made)) == len(made)
