"""Holding a job: what the work inside is told, and what it is not."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from citewell.errors import StaleLease, StoreUnavailable
from citewell.memory import MemoryDatabase, MemoryJobStore
from citewell.model import Lease
from citewell.usecases.heartbeat import Heartbeat

LEASE = cast("Lease", object())
LEASE_SECONDS = 0.3


class Store(MemoryJobStore):
    """Answers each beat with the next of these; then all is well."""

    def __init__(self, *answers: Exception | None) -> None:
        super().__init__(MemoryDatabase())
        self.answers = list(answers)
        self.beats = 0

    async def extend(self, lease: Lease, *, lease_seconds: float) -> None:
        self.beats += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer


async def work(jobs: Store, *, seconds: float = 5.0) -> str:
    async with Heartbeat(jobs, LEASE, lease_seconds=LEASE_SECONDS):
        await asyncio.sleep(seconds)
    return "done"


async def test_the_lease_is_extended_as_long_as_the_work_lasts() -> None:
    """Several times per lease, and not afterwards."""
    jobs = Store()
    assert await work(jobs, seconds=3 * LEASE_SECONDS) == "done"
    beats = jobs.beats
    assert beats >= 4
    await asyncio.sleep(LEASE_SECONDS)
    assert jobs.beats == beats


async def test_work_whose_job_is_lost_is_cancelled() -> None:
    """StaleLease is raised in its place."""
    lost = StaleLease("another worker has it")
    with pytest.raises(StaleLease, match="another worker"):
        await work(Store(None, lost))


async def test_a_store_that_is_away_for_a_moment_costs_nothing() -> None:
    """The work goes on, and the lease is extended once the store is back."""
    assert await work(Store(StoreUnavailable(), StoreUnavailable()), seconds=2 * LEASE_SECONDS) == "done"


async def test_a_store_that_is_away_for_long_ends_the_work() -> None:
    """Once the lease must have run out somebody else may have the job."""
    with pytest.raises(StaleLease, match="away for longer"):
        await work(Store(*[StoreUnavailable() for _ in range(1_000)]))


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    """The worker stops: that is no lost lease."""
    task = asyncio.create_task(work(Store()))
    await asyncio.sleep(LEASE_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_from_elsewhere_is_not_lost_at_the_end() -> None:
    """Not even one that comes while the heart stops."""

    class SlowToStop(Store):
        async def extend(self, lease: Lease, *, lease_seconds: float) -> None:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                await asyncio.sleep(LEASE_SECONDS)
                raise

    # The first beat comes after a quarter of the lease.
    task = asyncio.create_task(work(SlowToStop(), seconds=LEASE_SECONDS / 2))
    await asyncio.sleep(LEASE_SECONDS)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_work_s_own_failure_goes_through() -> None:
    """As it was raised."""
    with pytest.raises(ValueError, match="of the work"):
        async with Heartbeat(Store(), LEASE, lease_seconds=LEASE_SECONDS):
            raise ValueError("of the work")


async def test_a_defect_of_the_store_is_seen() -> None:
    """It does not end the work, but it does not vanish either."""
    with pytest.raises(ZeroDivisionError):
        await work(Store(ZeroDivisionError()), seconds=LEASE_SECONDS)
