from tests.soak.kinds import KINDS, Part
from tests.soak.plan import LONG, plan
from tests.soak.profile import PROFILES


def test_the_first_rounds_have_every_kind():
    for seed in range(50):
        rounds = plan(seed, 6)
        assert {kind for each in rounds for kind in (*each.processes, *each.services)} == set(KINDS)


def test_a_seed_makes_the_same_plan_again():
    assert plan(7, 30) == plan(7, 30) != plan(8, 30)


def test_every_profile_plans_as_many_faults_as_it_must_see():
    for profile in PROFILES.values():
        for seed in range(20):
            rounds = plan(seed, profile.rounds)
            assert sum(len(each.processes) + len(each.services) for each in rounds) >= profile.least_faults


def test_rounds_that_take_a_worker_leave_the_database_and_other_workers_alone():
    rounds = [each for each in plan(3, 60) if set(each.processes) & set(LONG)]
    beside = {kind for each in rounds for kind in each.services}
    assert len(rounds) == 40
    assert not any(KINDS[kind].touches & {Part.DATABASE, Part.WORKERS} for kind in beside)


def test_what_cannot_be_done_here_is_left_out():
    assert all("clock off" not in each.processes for each in plan(1, 30, without=["clock off"]))
