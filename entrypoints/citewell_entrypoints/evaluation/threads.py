"""The same call for many things, a few at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from citewell_entrypoints.client.patience import Patience

__all__ = ["in_threads"]

T = TypeVar("T")
R = TypeVar("R")


def in_threads(
    function: Callable[[T, Patience], R], items: Iterable[T], *, threads: int
) -> Generator[R, None, None]:
    """What `function` returns for each item, as it comes.

    What it raises is raised here and ends the rest, and so does closing the iterator; the patience that it
    gets is over then, too.
    """
    stop = threading.Event()
    patience = Patience(stop=stop)
    executor = ThreadPoolExecutor(threads)
    try:
        for future in as_completed([executor.submit(function, item, patience) for item in items]):
            yield future.result()
    finally:
        stop.set()
        executor.shutdown(cancel_futures=True)
