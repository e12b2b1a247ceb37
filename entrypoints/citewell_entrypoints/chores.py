"""What a process does besides its work, in loops that nothing ends but its stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from citewell.errors import CitewellError

__all__ = ["Chore", "doing"]

_CANCEL_AGAIN_SECONDS: Final = 0.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do again and again, with pauses between. name: for the log."""

    name: str
    work: Callable[[], Awaitable[object]]
    pause_seconds: float


@asynccontextmanager
async def doing(chores: Iterable[Chore]) -> AsyncIterator[None]:
    """Does the chores as long as the context lasts."""
    tasks = [asyncio.create_task(_repeated(chore)) for chore in chores]
    try:
        yield
    finally:
        going = set(tasks)
        # Before Python 3.12 a cancellation is lost where what was waited for, such as a connection of the
        # pool, comes at the same moment (python/cpython#86296).
        while going:
            for task in going:
                task.cancel()
            _, going = await asyncio.wait(going, timeout=_CANCEL_AGAIN_SECONDS)


async def _repeated(chore: Chore) -> None:
    """Whatever goes wrong is told and tried again: who waits for a chore waits for it for ever otherwise."""
    while True:
        try:
            await chore.work()
        except CitewellError as error:
            _log.warning("%s was put off: %s", chore.name, error)
        except Exception:  # noqa: BLE001 - a defect must not end the loop
            _log.exception("%s failed in an unexpected way", chore.name)
        await asyncio.sleep(chore.pause_seconds)
