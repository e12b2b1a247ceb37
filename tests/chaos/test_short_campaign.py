"""The short form of `make chaos`: each target is killed once, and a worker paused, at every stage."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.chaos.campaign import run
from tests.chaos.campaigns import short_campaign
from tests.chaos.schedule import Action, Moment, Target, schedule

#: A seed whose first strikes are one kill of each target, and the pause of a worker.
SEED = 1609
KILLS = 7


def test_the_short_plan_strikes_everything_once() -> None:
    """A seed that does is chosen; this says when the plan has changed and another one is needed."""
    plan = schedule(SEED, kills=KILLS)
    kills = [strike for strike in plan if strike.action is Action.KILL]
    assert {strike.target for strike in kills} == set(Target) - {Target.DISK}
    assert {strike.moment for strike in kills} == set(Moment) - {Moment.IDLE}
    assert [strike.target for strike in plan if strike.action is Action.PAUSE] == [Target.WORKER]


def test_nothing_is_lost_duplicated_half_visible_or_stuck(tmp_path: Path) -> None:
    """Made files, one kill of everything, and every check of the long campaign."""
    campaign = short_campaign(seed=SEED, kills=KILLS)
    report = asyncio.run(run(campaign, tmp_path))
    assert not report.violations, f"\n{report.text()}"
    assert report.kills == KILLS
