"""Carries out a plan of strikes against a running stack."""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

import psutil
from tests.chaos.disk import SmallDisk
from tests.chaos.schedule import Action, Moment, Strike, Target
from tests.chaos.stack import Stack
from tests.chaos.watch import Watch

__all__ = ["PAUSE_SECONDS", "Striker", "Struck"]

#: Longer than the lease, and than another worker needs to take the job up.
PAUSE_SECONDS: Final = 10.0
_FULL_SECONDS: Final = 4.0
_MOMENT_SECONDS: Final = 6.0
_TARGET_SECONDS: Final = 8.0
#: A publication that is held is in the middle of its transaction by then.
_HALFWAY_SECONDS: Final = 0.15
_LOOK_SECONDS: Final = 0.01
#: How long a worker may need to notice that the database cut it off.
_CUT_OFF_SECONDS: Final = 8.0


@dataclass(frozen=True, slots=True)
class Struck:
    """A strike that fell. moment: what was really going on; under_way: the documents it could have hurt."""

    strike: Strike
    moment: Moment
    at: float
    under_way: frozenset[str]


class Striker:
    """disk: what a strike at the disk fills up."""

    def __init__(self, stack: Stack, watch: Watch, *, disk: SmallDisk | None) -> None:
        self._stack = stack
        self._watch = watch
        self._disk = disk
        self._pauses: set[asyncio.Task[None]] = set()
        self.struck: list[Struck] = []
        #: [start, end] of when workers or their database stood still or were cut off.
        self.stalls: list[tuple[float, float]] = []

    async def strike(self, strike: Strike) -> bool:
        """Wait for its moment and carry it out; False if there was nothing to strike."""
        await asyncio.sleep(strike.delay_seconds)
        holding = strike.moment is Moment.PUBLISHING
        async with self._watch.publications_held() if holding else nullcontext():
            moment = await self._moment(strike.moment)
            victims = await self._victims(strike)
            if strike.target is not Target.DISK and not victims:
                return False
            if moment is Moment.PUBLISHING:
                await asyncio.sleep(_HALFWAY_SECONDS)
            self.struck.append(Struck(strike, moment, time.monotonic(), self._watch.under_way))
            self._hit(strike, victims)
        return True

    async def settle(self) -> None:
        """Wait until all pauses are over."""
        if self._pauses:
            await asyncio.wait(self._pauses)

    async def _moment(self, wanted: Moment) -> Moment:
        """The wanted moment once it is there, or, after a while, what there is instead."""
        deadline = time.monotonic() + _MOMENT_SECONDS
        while time.monotonic() < deadline:
            if wanted in self._watch.moments:
                return wanted
            await asyncio.sleep(_LOOK_SECONDS)
        return max(self._watch.moments, key=list(Moment).index, default=Moment.IDLE)

    async def _victims(self, strike: Strike) -> list[psutil.Process]:
        deadline = time.monotonic() + _TARGET_SECONDS
        while strike.target is not Target.DISK and time.monotonic() < deadline:
            processes = self._stack.processes
            if found := processes.find(strike.target):
                chosen = found[int(strike.aim * len(found))]
                pausing = strike.action is Action.PAUSE
                return list(processes.family(chosen)) if pausing else [chosen]
            await asyncio.sleep(_LOOK_SECONDS)
        return []

    def _hit(self, strike: Strike, victims: list[psutil.Process]) -> None:
        now = time.monotonic()
        if strike.action is Action.KILL:
            if strike.target is Target.SUPERVISOR:
                self._stack.expect_end()
            for victim in victims:
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.kill()
            if strike.target in {Target.POSTGRES, Target.BACKEND}:
                self.stalls.append((now, now + _CUT_OFF_SECONDS))
            return
        lasting = self._pause(victims) if strike.action is Action.PAUSE else self._full_disk()
        seconds = PAUSE_SECONDS if strike.action is Action.PAUSE else _FULL_SECONDS + _CUT_OFF_SECONDS
        self.stalls.append((now, now + seconds))
        task = asyncio.create_task(lasting)
        self._pauses.add(task)
        task.add_done_callback(self._pauses.discard)

    async def _pause(self, victims: list[psutil.Process]) -> None:
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.suspend()
        try:
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            for victim in victims:
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.resume()

    async def _full_disk(self) -> None:
        if self._disk is None:
            return
        try:
            await asyncio.to_thread(self._disk.fill)
            await asyncio.sleep(_FULL_SECONDS)
        finally:
            self._disk.free()
