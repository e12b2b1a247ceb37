"""The plan of strikes: what a seed decides."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.chaos.schedule import Action, Moment, Target, again_and_again, schedule


def test_the_same_seed_gives_the_same_plan() -> None:
    """A failing campaign can be replayed."""
    assert schedule(7, kills=90, fill_disk=True) == schedule(7, kills=90, fill_disk=True)


def test_another_seed_gives_another_plan() -> None:
    """Each campaign looks elsewhere."""
    assert schedule(7, kills=90) != schedule(8, kills=90)


@pytest.mark.parametrize("kills", [1, 35, 200])
def test_as_many_kills_as_asked_for(kills: int) -> None:
    """Pauses and full disks come on top."""
    plan = schedule(3, kills=kills, fill_disk=True)
    assert sum(strike.action is Action.KILL for strike in plan) == kills
    assert [strike.number for strike in plan] == list(range(1, len(plan) + 1))


def test_every_pair_of_stage_and_target_comes_before_any_comes_again() -> None:
    """35 kills cover all that can be killed at every stage."""
    plan = [strike for strike in schedule(11, kills=70) if strike.action is Action.KILL]
    pairs = Counter((strike.moment, strike.target) for strike in plan[:35])
    assert set(pairs.values()) == {1}
    assert {moment for moment, _ in pairs} == set(Moment) - {Moment.IDLE}
    assert {target for _, target in pairs} == set(Target) - {Target.DISK}
    assert set(Counter((strike.moment, strike.target) for strike in plan).values()) == {2}


def test_pauses_reach_every_target_that_can_be_paused() -> None:
    """In a campaign of 200 kills, at every stage."""
    plan = [strike for strike in schedule(5, kills=200) if strike.action is Action.PAUSE]
    assert {strike.target for strike in plan} == {
        Target.WORKER,
        Target.PARSER,
        Target.POSTGRES,
        Target.VALKEY,
    }
    assert {strike.moment for strike in plan} == set(Moment) - {Moment.IDLE}


def test_the_disk_is_filled_only_where_it_may_be() -> None:
    """Whoever may mount nothing gets the same kills."""
    without = schedule(5, kills=80)
    assert all(strike.target is not Target.DISK for strike in without)
    with_disk = schedule(5, kills=80, fill_disk=True)
    assert sum(strike.action is Action.FILL for strike in with_disk) == 2


def test_one_blow_can_be_repeated_at_some_stages_by_turns() -> None:
    """For a fault that only it brings to light."""
    plan = again_and_again(
        [Moment.PARSING, Moment.EMBEDDING], Target.WORKER, Action.PAUSE, times=3, delay_seconds=9.0
    )
    assert [strike.moment for strike in plan] == [Moment.PARSING, Moment.EMBEDDING, Moment.PARSING]
    assert {(strike.target, strike.action) for strike in plan} == {(Target.WORKER, Action.PAUSE)}
    assert {strike.delay_seconds for strike in plan} == {9.0}
