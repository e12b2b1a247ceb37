"""What is to be struck, when and how: a plan that a seed decides alone."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

__all__ = ["Action", "Moment", "Strike", "Target", "again_and_again", "schedule"]

_Item = TypeVar("_Item")


class Moment(StrEnum):
    """What some document is going through when the strike falls."""

    QUEUED = "queued"
    UPLOADING = "uploading"
    PARSING = "parsing"
    EMBEDDING = "embedding"
    PUBLISHING = "publishing"
    #: Nothing of the above was seen in time.
    IDLE = "idle"


class Target(StrEnum):
    """What is struck."""

    API = "api"
    WORKER = "worker"
    PARSER = "parser child"
    POSTGRES = "postgres"
    BACKEND = "postgres backend"
    VALKEY = "valkey"
    SUPERVISOR = "supervisor"
    DISK = "disk"


class Action(StrEnum):
    """How: SIGKILL, SIGSTOP past the leases and SIGCONT, or a disk that is full for a while."""

    KILL = "kill"
    PAUSE = "pause"
    FILL = "fill"


@dataclass(frozen=True, slots=True)
class Strike:
    """One blow. delay_seconds: the wait before it; aim: a number for choosing among several processes."""

    number: int
    moment: Moment
    target: Target
    action: Action
    delay_seconds: float
    aim: float


_MOMENTS: Final = (
    Moment.QUEUED,
    Moment.UPLOADING,
    Moment.PARSING,
    Moment.EMBEDDING,
    Moment.PUBLISHING,
)
_KILLED: Final = (
    Target.API,
    Target.WORKER,
    Target.PARSER,
    Target.POSTGRES,
    Target.BACKEND,
    Target.VALKEY,
    Target.SUPERVISOR,
)
_PAUSED: Final = (Target.WORKER, Target.PARSER, Target.POSTGRES, Target.VALKEY)
#: Kills between two strikes of another kind.
_KILLS_PER_PAUSE: Final = 6
_KILLS_PER_FILL: Final = 35
_LONGEST_DELAY_SECONDS: Final = 1.5


def schedule(seed: int, *, kills: int, fill_disk: bool = False) -> Sequence[Strike]:
    """The strikes of a campaign: `kills` SIGKILLs, and a pause or a full disk between them now and then.

    The same arguments give the same plan. Every pair of moment and target comes before any comes again.
    """
    chance = random.Random(seed)
    killing = _rounds([(moment, target) for moment in _MOMENTS for target in _KILLED], chance)
    pausing = _rounds([(moment, target) for moment in _MOMENTS for target in _PAUSED], chance)
    filling = _rounds([(moment, Target.DISK) for moment in _MOMENTS], chance)
    blows: list[tuple[Moment, Target, Action]] = []
    for count in range(1, kills + 1):
        blows.append((*next(killing), Action.KILL))
        if count % _KILLS_PER_PAUSE == 0:
            blows.append((*next(pausing), Action.PAUSE))
        if fill_disk and count % _KILLS_PER_FILL == 0:
            blows.append((*next(filling), Action.FILL))
    return [
        Strike(number, *blow, delay_seconds=chance.uniform(0.0, _LONGEST_DELAY_SECONDS), aim=chance.random())
        for number, blow in enumerate(blows, start=1)
    ]


def again_and_again(
    moments: Sequence[Moment], target: Target, action: Action, *, times: int, delay_seconds: float
) -> Sequence[Strike]:
    """The same blow, at these moments by turns: a plan for a fault that only it brings to light.

    delay_seconds: before each; pauses that are to come one after the other need longer than they last.
    """
    turns = itertools.islice(itertools.cycle(moments), times)
    return [
        Strike(number, moment, target, action, delay_seconds, 0.5)
        for number, moment in enumerate(turns, start=1)
    ]


def _rounds(items: Sequence[_Item], chance: random.Random) -> Iterator[_Item]:
    """All items in a random order, then all again in another, for ever."""
    for _ in itertools.count():
        yield from chance.sample(items, len(items))
