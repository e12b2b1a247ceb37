"""Running a model on several things at once, in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

__all__ = ["in_lanes"]

T = TypeVar("T")
R = TypeVar("R")


async def in_lanes(run: Callable[[T], R], items: Sequence[T], *, executor: Executor, lanes: int) -> list[R]:
    """What `run` gives for each, in order; up to `lanes` at once.

    Each is handed to the executor by itself, so that a call waits for single items of others, never for all
    of them, and a cancelled one stops after those that run. The first failure is raised as it is.
    """
    loop = asyncio.get_running_loop()
    results: dict[int, R] = {}
    waiting = iter(enumerate(items))

    async def lane() -> None:
        for position, item in waiting:
            results[position] = await loop.run_in_executor(executor, run, item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(lanes, len(items))):
                group.create_task(lane())
    except ExceptionGroup as failures:
        first = failures.exceptions[0]
        raise first from first.__cause__
    return [results[position] for position in range(len(items))]
