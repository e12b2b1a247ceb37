"""What holds for all stores."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

__all__ = [
    "Clock",
    "UnitOfWork",
]

#: Now, as an aware datetime in UTC.
Clock = Callable[[], datetime]

#: Everything that stores do inside `async with unit_of_work():` takes effect together at its end, or not at
#: all if an exception leaves it. Units of work do not nest.
UnitOfWork = Callable[[], AbstractAsyncContextManager[None]]
