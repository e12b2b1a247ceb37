"""Telling workers of a job."""

from __future__ import annotations

import logging
from dataclasses import replace

from citewell.errors import QueueUnavailable
from citewell.model import Submitted
from citewell.ports import JobQueue

__all__ = ["announced"]

_log = logging.getLogger(__name__)


async def announced(submitted: Submitted, queue: JobQueue) -> Submitted:
    """The same, after its job, if any, was announced; degraded by `queue` if that could not be done."""
    if submitted.job_id is None:
        return submitted
    try:
        await queue.announce(submitted.job_id)
    except QueueUnavailable:
        # The job is safe in the store; the sweeper announces it when the queue is back.
        _log.warning("job %s waits for the queue to come back", submitted.job_id)
        return replace(submitted, degraded=("queue",))
    return submitted
