"""The same call for many things, a few at once."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from citewell_entrypoints.client.errors import NoServer
from citewell_entrypoints.client.patience import Patience
from citewell_entrypoints.evaluation.threads import in_threads


def test_as_many_at_once_as_there_are_threads() -> None:
    """Three calls meet, which fewer could not, and each gives its result."""
    meeting = threading.Barrier(3, timeout=10)

    def work(item: int, _patience: Patience) -> int:
        meeting.wait()
        return item * 2

    assert sorted(in_threads(work, range(6), threads=3)) == [0, 2, 4, 6, 8, 10]


def test_a_failure_ends_the_rest() -> None:
    """It is raised where the results are read, and what has not begun is not begun."""
    begun: list[int] = []

    def work(item: int, _patience: Patience) -> None:
        begun.append(item)
        time.sleep(0.02)
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item"), closing(in_threads(work, range(100), threads=2)) as done:
        list(done)
    assert len(begun) < 10


def test_who_stops_reading_does_not_wait_for_a_server_that_is_away() -> None:
    """The patience of the calls is over at once, not after a minute."""

    def work(item: int, patience: Patience) -> int:
        def gone() -> int:
            raise NoServer("nowhere")

        return item if item == 0 else patience.call(gone, waiting=lambda *_: None)

    began = time.monotonic()
    with closing(in_threads(work, range(3), threads=3)) as done:
        assert next(done) == 0
    assert time.monotonic() - began < 10
