"""Gates: so many at a time, so many that wait, no others."""

from __future__ import annotations

import asyncio

import pytest

from citewell.model import Found, Scope, SearchOptions
from citewell_entrypoints.gates import Gate, LettingGo, Overloaded, Place, aside

LONG = 30.0
USUAL = SearchOptions()


def gate(running: int = 1, waiting: int = 1, *, seconds: float = LONG) -> Gate:
    return Gate(running=running, waiting=waiting, waiting_seconds=seconds)


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_as_many_run_as_may_and_the_rest_is_refused_at_once() -> None:
    """Two run, one waits, the fourth is told."""
    tried = gate(2, 1)
    await tried.enter()
    await tried.enter()
    third = asyncio.create_task(tried.enter())
    await settled()
    assert (tried.running, tried.waiting, tried.is_full) == (2, 1, True)
    with pytest.raises(Overloaded):
        await tried.enter()
    tried.leave()
    await third
    assert (tried.running, tried.waiting, tried.is_full) == (2, 0, False)


async def test_first_come_is_first_served() -> None:
    """Places go to those who wait, in their order, and to nobody who comes later."""
    tried, order = gate(1, 5), list[int]()

    async def work(number: int) -> None:
        async with Place(tried):
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(work(number) for number in range(6)))
    assert order == list(range(6))
    assert (tried.running, tried.waiting) == (0, 0)


async def test_waiting_ends() -> None:
    """Who waited as long as one may is refused, and leaves no trace."""
    tried = gate(seconds=0.01)
    await tried.enter()
    with pytest.raises(Overloaded):
        await tried.enter()
    assert (tried.running, tried.waiting) == (1, 0)
    tried.leave()
    assert tried.running == 0


async def test_who_goes_away_while_waiting_takes_no_place() -> None:
    """Neither before a place was free nor in the same moment."""
    tried = gate(1, 3)
    await tried.enter()
    first, second, third = (asyncio.create_task(tried.enter()) for _ in range(3))
    await settled()
    first.cancel()
    await settled()
    assert tried.waiting == 2
    tried.leave()
    second.cancel()
    await settled()
    assert second.cancelled()
    await third
    assert (tried.running, tried.waiting) == (1, 0)


async def test_one_who_was_cancelled_and_one_who_leaves_at_once() -> None:
    """A place is not given to who is about to go."""
    tried = gate(1, 2)
    await tried.enter()
    gone, served = asyncio.create_task(tried.enter()), asyncio.create_task(tried.enter())
    await settled()
    gone.cancel()
    tried.leave()
    await served
    await settled()
    assert gone.cancelled()
    assert (tried.running, tried.waiting) == (1, 0)


async def test_a_place_is_given_back_once() -> None:
    """Whether it was let go before the end or not, and after an error too."""
    tried = gate()
    async with Place(tried) as place:
        place.let_go()
        assert tried.running == 0
    with pytest.raises(ZeroDivisionError):
        async with Place(tried):
            raise ZeroDivisionError
    assert tried.running == 0


async def test_a_question_that_was_searched_for_holds_no_place() -> None:
    """What comes behind the search, a language model, is not what is scarce."""
    tried = gate()

    async def search(question: str, *, scope: Scope, top_k: int = 5, options: SearchOptions = USUAL) -> Found:
        assert tried.running == 1
        return Found(())

    async with Place(tried):
        await LettingGo(search)("lamp", scope=Scope())
        assert tried.running == 0
    await LettingGo(search_without_a_gate)("lamp", scope=Scope())


async def test_what_stands_aside_takes_its_place_again() -> None:
    """Others have it meanwhile; who finds none any more is refused, and gives none back."""
    tried = gate(1, 0)
    async with Place(tried):
        async with aside():
            assert tried.running == 0
        assert tried.running == 1
    with pytest.raises(Overloaded):
        async with Place(tried), aside():
            await tried.enter()
    assert tried.running == 1
    async with aside():
        assert tried.running == 1


async def search_without_a_gate(
    question: str, *, scope: Scope, top_k: int = 5, options: SearchOptions = USUAL
) -> Found:
    """As the library is used, outside of any request."""
    return Found(())
