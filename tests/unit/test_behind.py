"""Storing behind whoever computes: in order, bounded, and no failure goes unheard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from citewell.usecases.behind import Behind


class Store:
    """Notes what it is given, and keeps each call waiting until it is let; may fail in its first."""

    def __init__(self, error: Exception | None = None) -> None:
        self.began: list[Sequence[str]] = []
        self.stored: list[str] = []
        self.let = asyncio.Semaphore(0)
        self._error = error

    async def __call__(self, items: Sequence[str]) -> None:
        self.began.append(list(items))
        await self.let.acquire()
        if self._error is not None:
            raise self._error
        self.stored += items


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_gathers_meanwhile_is_stored_together() -> None:
    """In its order, and not before what came before it."""
    store = Store()
    async with Behind(store, most=4) as behind:
        for item in ("one", "two", "three"):
            await behind.add(item)
            await settled()
        assert store.began == [["one"]]
        store.let.release()
        await settled()
        assert store.began == [["one"], ["two", "three"]]
        assert store.stored == ["one"]
        store.let.release()
    assert store.stored == ["one", "two", "three"]


async def test_no_more_is_held_than_allowed() -> None:
    """Whoever has more than may wait or be stored waits with it."""
    store = Store()
    async with Behind(store, most=2) as behind:
        await behind.add("one")
        await settled()
        await behind.add("two")
        third = asyncio.create_task(behind.add("three"))
        await settled()
        assert not third.done()
        store.let.release()
        await settled()
        assert third.done()
        store.let.release()
        store.let.release()
    assert store.began == [["one"], ["two"], ["three"]]


async def test_it_begins_anew_once_all_was_stored() -> None:
    """Between two items there may be any time."""
    store = Store()
    store.let.release()
    store.let.release()
    async with Behind(store, most=1) as behind:
        await behind.add("one")
        await settled()
        assert store.stored == ["one"]
        await behind.add("two")
    assert store.stored == ["one", "two"]


async def test_a_failure_ends_all_that_follows() -> None:
    """And is raised where the next item is added, or at the end; what waits is not stored."""
    store = Store(ValueError("no"))
    behind = Behind(store, most=2)
    await behind.add("one")
    await settled()
    await behind.add("two")
    third = asyncio.create_task(behind.add("three"))
    await settled()
    store.let.release()
    with pytest.raises(ValueError, match="no"):
        await third
    assert store.began == [["one"]]
    await behind.settle()
    at_the_end = Behind(store, most=1)
    await at_the_end.add("one")
    store.let.release()
    with pytest.raises(ValueError, match="no"):
        await at_the_end.__aexit__(None, None, None)


async def failing_beside(store: Store, *, ended_after: float | None = None) -> None:
    async with Behind(store, most=2) as behind:
        await behind.add("one")
        await settled()
        await behind.add("two")
        if ended_after is not None:
            asyncio.get_running_loop().call_later(ended_after, store.let.release)
            asyncio.get_running_loop().call_later(ended_after, store.let.release)
        raise KeyError


async def test_an_error_of_the_caller_lets_what_was_added_end() -> None:
    """What was paid for is kept."""
    store = Store()
    with pytest.raises(KeyError):
        await failing_beside(store, ended_after=0.01)
    assert store.stored == ["one", "two"]


async def test_what_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some time nobody waits any more, nor is anything left running."""
    monkeypatch.setattr("citewell.usecases.behind._GRACE_SECONDS", 0.01)
    store = Store()
    before = asyncio.all_tasks()
    with pytest.raises(KeyError):
        await failing_beside(store)
    await settled()
    assert store.began == [["one"]]
    assert store.stored == []
    assert asyncio.all_tasks() == before
