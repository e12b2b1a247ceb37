"""Work that goes on behind: in order, bounded, and no failure goes unheard."""

from __future__ import annotations

import asyncio

import pytest

from citewell.usecases.behind import Behind


class Work:
    """Notes when it begins and ends; ends when it is let."""

    def __init__(self, log: list[str], name: str, error: Exception | None = None) -> None:
        self._log, self._name, self._error = log, name, error
        self.let = asyncio.Event()

    async def __call__(self) -> None:
        self._log.append(f"{self._name} begins")
        await self.let.wait()
        if self._error is not None:
            raise self._error
        self._log.append(f"{self._name} ends")


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_piece_at_a_time_in_order() -> None:
    """Whoever has the next makes it wait."""
    log: list[str] = []
    one, two = (Work(log, name) for name in ("one", "two"))
    async with Behind() as behind:
        await behind.start(one())
        second = asyncio.create_task(behind.start(two()))
        await settled()
        assert log == ["one begins"]
        assert not second.done()
        one.let.set()
        await settled()
        assert log == ["one begins", "one ends", "two begins"]
        assert second.done()
        two.let.set()
    assert log[-1:] == ["two ends"]


async def test_a_failure_ends_all_that_follows() -> None:
    """And is raised where the next piece is started, or at the end."""
    log: list[str] = []
    one = Work(log, "one", ValueError("no"))
    behind = Behind()
    await behind.start(one())
    one.let.set()
    await settled()
    with pytest.raises(ValueError, match="no"):
        await behind.start(Work(log, "two")())
    assert log == ["one begins"]
    await behind.settle()
    at_the_end = Behind()
    await at_the_end.start(one())
    with pytest.raises(ValueError, match="no"):
        await at_the_end.__aexit__(None, None, None)


async def failing_beside(work: Work, *, ended_after: float | None = None) -> None:
    async with Behind() as behind:
        await behind.start(work())
        await settled()
        if ended_after is not None:
            asyncio.get_running_loop().call_later(ended_after, work.let.set)
        raise KeyError


async def test_an_error_of_the_caller_lets_what_was_begun_end() -> None:
    """What was paid for is kept."""
    log: list[str] = []
    with pytest.raises(KeyError):
        await failing_beside(Work(log, "one"), ended_after=0.01)
    assert log == ["one begins", "one ends"]


async def test_what_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some time nobody waits any more, nor is the piece left running."""
    monkeypatch.setattr("citewell.usecases.behind._GRACE_SECONDS", 0.01)
    log: list[str] = []
    before = asyncio.all_tasks()
    with pytest.raises(KeyError):
        await failing_beside(Work(log, "one"))
    await settled()
    assert log == ["one begins"]
    assert asyncio.all_tasks() == before
