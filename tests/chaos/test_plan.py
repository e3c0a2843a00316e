"""The plan is a function of its seed."""

import itertools

from waybill_chaos.plan import KINDS, LANES, SERVICES, plan


def test_the_same_seed_strikes_in_the_same_order() -> None:
    assert plan(7, 180) == plan(7, 180)
    assert plan(7, 180) != plan(8, 180)


def test_a_shorter_run_begins_as_a_longer_one() -> None:
    short = plan(7, 60)

    assert set(short) <= set(plan(7, 180))


def test_three_minutes_hold_every_kind_of_fault() -> None:
    for seed in range(50):
        assert {strike.kind for strike in plan(seed, 180)} == {kind.name for kind in KINDS}


def test_faults_of_one_lane_follow_one_another() -> None:
    for lane in LANES:
        strikes = [strike for strike in plan(7, 180) if strike.lane == lane]

        assert all(one.at_s + one.lasts_s <= other.at_s for one, other in itertools.pairwise(strikes))


def test_only_some_kinds_are_dealt_on_request_to_each_target_in_turn() -> None:
    strikes = plan(7, 60, only=["cut"])

    assert {strike.kind for strike in strikes} == {"cut"}
    assert {strike.target for strike in strikes} == set(SERVICES)


def test_one_target_of_a_kind_can_be_asked_for() -> None:
    strikes = plan(7, 60, only=["cut@orders", "kill@kafka"])

    assert {(strike.kind, strike.target) for strike in strikes} == {("cut", "orders"), ("kill", "kafka")}
