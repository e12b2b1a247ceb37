"""The announcing side."""

from __future__ import annotations

import asyncio

from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from citewell.model import JobId
from citewell_adapters.dramatiq.broker import ACTOR, QUEUE, translated

__all__ = ["DramatiqJobQueue"]


class DramatiqJobQueue:
    """JobQueue on a Dramatiq broker; a message carries the job's id and nothing else."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker

    async def announce(self, job_id: JobId, *, delay_seconds: float = 0.0) -> None:
        message: Message[None] = Message(
            queue_name=QUEUE, actor_name=ACTOR, args=(str(job_id),), kwargs={}, options={}
        )
        delay = round(delay_seconds * 1000) or None
        with translated():
            await asyncio.to_thread(self._broker.enqueue, message, delay=delay)
