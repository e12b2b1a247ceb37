"""Announcing again what lost its announcement."""

from __future__ import annotations

from pathlib import Path

from tests.fakes import RecordingQueue
from tests.house import House

from citewell.errors import QueueUnavailable
from citewell.usecases import AnnounceDueJobs


async def test_a_job_that_nobody_heard_of_is_announced_again(tmp_path: Path) -> None:
    """An empty, restarted or unreachable queue loses nothing."""
    house = House(tmp_path, queue=RecordingQueue(failure=QueueUnavailable()))
    _, job_id = await house.uploaded_job(b"text")
    back = RecordingQueue()
    announce = AnnounceDueJobs(board=house.board, queue=back)
    assert await announce(grace_seconds=30) == 0
    house.clock.advance(30)
    assert await announce(grace_seconds=30) == 1
    assert back.announced == [(job_id, 0.0)]


async def test_a_job_in_work_is_left_alone_until_its_lease_runs_out(tmp_path: Path) -> None:
    """Who was killed leaves a job that another worker can take."""
    house = House(tmp_path)
    _, job_id = await house.uploaded_job(b"text")
    await house.jobs.claim(job_id, lease_seconds=60)
    announce = AnnounceDueJobs(board=house.board, queue=house.queue)
    assert await announce(grace_seconds=0) == 0
    house.clock.advance(60)
    assert await announce(grace_seconds=0) == 1


async def test_an_ended_job_is_never_announced(tmp_path: Path) -> None:
    """What has ended stays ended."""
    house = House(tmp_path)
    _, job_id = await house.uploaded_job(b"text")
    await house.ingest(job_id)
    house.clock.advance(1000)
    assert await AnnounceDueJobs(board=house.board, queue=house.queue)(grace_seconds=0) == 0
