"""The announcing side."""

from __future__ import annotations

import time
from typing import Final

from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from citewell.errors import QueueUnavailable, Reason
from citewell.model import JobId
from citewell_adapters.dramatiq.broker import ACTOR, QUEUE, asked_in_time

__all__ = ["DramatiqJobQueue"]


#: After a failure the next announcements fail at once for so long: each of them would wait for a server that
#: does not answer, in one of the few threads that there are for it.
_PAUSE_SECONDS: Final = 2.0


class DramatiqJobQueue:
    """JobQueue on a Dramatiq broker; a message carries the job's id and nothing else."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker
        self._away_until = 0.0

    async def announce(self, job_id: JobId, *, delay_seconds: float = 0.0) -> None:
        message: Message[None] = Message(
            queue_name=QUEUE, actor_name=ACTOR, args=(str(job_id),), kwargs={}, options={}
        )
        delay = round(delay_seconds * 1000) or None
        if time.monotonic() < self._away_until:
            raise QueueUnavailable("the job queue did not answer a moment ago", reason=Reason.CIRCUIT_OPEN)
        try:
            await asked_in_time(lambda: self._broker.enqueue(message, delay=delay))
        except QueueUnavailable:
            self._away_until = time.monotonic() + _PAUSE_SECONDS
            raise
