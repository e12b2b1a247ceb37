"""Replies that are kept, over the in-memory stores."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.house import House

from citewell.caching import MemoryCache
from citewell.errors import EmbedderUnavailable, InvalidInput
from citewell.memory import MemoryVersionStore
from citewell.model import Asked, CachedReply, MadeReply, Scope, ScopeVersion, SearchOptions
from citewell.usecases import CacheReplies

ROOT = Path(__file__).parents[2]
FERRY = b"The ferry leaves at nine."
ASKED = Asked("When does the ferry leave?", Scope("default"), 5, SearchOptions())


class CountedVersions(MemoryVersionStore):
    """Counts its reads."""

    reads = 0

    async def versions(self, scopes: Sequence[Scope]) -> Sequence[ScopeVersion]:
        self.reads += 1
        return await super().versions(scopes)


@dataclass
class Desk:
    """Asks questions by way of a cache, and counts how often they had to be searched for."""

    house: House
    process: MemoryCache = field(default_factory=MemoryCache)
    shared: MemoryCache = field(default_factory=MemoryCache)
    seconds: float = 1_000.0
    searched: int = 0
    keep: bool = True

    def __post_init__(self) -> None:
        self.versions = CountedVersions(self.house.database)
        self.replies = CacheReplies(
            versions=self.versions,
            layers={"process": self.process, "shared": self.shared},
            fingerprint="",
            ttl_seconds=300.0,
            now=lambda: self.seconds,
        )

    async def ask(self, asked: Asked = ASKED) -> CachedReply:
        async def make() -> MadeReply:
            self.searched += 1
            found = await self.house.searching(
                asked.question, scope=asked.scope, top_k=asked.top_k, options=asked.options
            )
            body = "|".join(hit.chunk.text for hit in found.hits).encode()
            return MadeReply(body, body if self.keep else None, len(found.hits))

        return await self.replies(asked, make)


@pytest.fixture
async def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    _, job_id = await house.uploaded_job(FERRY)
    await house.ingest(job_id)
    return house


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def test_the_same_question_is_searched_for_once(desk: Desk) -> None:
    """The second reply is the first one, for one read of the version."""
    first, second = await desk.ask(), await desk.ask()
    assert first == CachedReply(FERRY, 1, layer=None, stored=True)
    assert second == CachedReply(FERRY, 1, layer="process", stored=True)
    assert (desk.searched, desk.versions.reads) == (1, 2)


async def test_a_change_makes_a_new_reply(desk: Desk) -> None:
    """An upload, a replacement and a delete are seen at once."""
    await desk.ask()
    document, job_id = await desk.house.uploaded_job(b"The ferry leaves at ten.")
    assert (await desk.ask()).layer == "process"
    await desk.house.ingest(job_id)
    assert (await desk.ask()).sources == 2
    await desk.house.delete(document.id)
    assert (await desk.ask()).sources == 1
    assert desk.searched == 3


async def test_other_processes_find_it(desk: Desk) -> None:
    """In the shared cache; the one of the process has it from then on, no longer than it was to be kept."""
    await desk.ask()
    other = Desk(desk.house, shared=desk.shared)
    assert (await other.ask()).layer == "shared"
    assert (await other.ask()).layer == "process"
    assert other.searched == 0
    other.seconds += 300.0
    assert (await other.ask()).layer is None
    assert other.searched == 1


async def test_a_shared_cache_is_not_believed(desk: Desk) -> None:
    """Bytes of somebody else cost a search and nothing more."""
    await desk.ask()
    for key in list(desk.shared._entries):
        await desk.shared.put(key, b"not ours", ttl_seconds=60)
    other = Desk(desk.house, shared=desk.shared)
    assert (await other.ask()).body == FERRY
    assert other.searched == 1


async def test_what_is_not_to_be_kept_is_not(desk: Desk) -> None:
    """It is made anew each time."""
    desk.keep = False
    assert not (await desk.ask()).stored
    assert (await desk.ask()).layer is None
    assert (desk.searched, desk.process.bytes_held, desk.shared.bytes_held) == (2, 0, 0)


async def test_a_failure_is_not_kept(desk: Desk) -> None:
    """It is raised to all who asked; the next one tries again."""
    desk.house.embedder.failures += [EmbedderUnavailable("away")]

    async def failing() -> MadeReply:
        await desk.house.embedder.embed(["x"], role="question")
        raise AssertionError

    results = await asyncio.gather(*(desk.replies(ASKED, failing) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, EmbedderUnavailable) for result in results)
    assert (await desk.ask()).body == FERRY


async def test_many_who_ask_the_same_wait_for_one_search(desk: Desk) -> None:
    """And one read of the version serves them all."""
    replies = await asyncio.gather(*(desk.ask() for _ in range(20)))
    assert {reply.body for reply in replies} == {FERRY}
    assert [reply.joined for reply in replies].count(False) == 1
    assert (desk.searched, desk.versions.reads) == (1, 1)


async def test_the_example_of_the_docs_works(house: House) -> None:
    """As pasted: the second time nothing is searched for."""
    [block] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "cache.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 - our own text
    ask = names["cached_texts"](house.searching, MemoryVersionStore(house.database))
    assert await ask("ferry", Scope("default")) == [FERRY.decode()]
    house.embedder.failures.append(ZeroDivisionError())
    assert await ask("ferry", Scope("default")) == [FERRY.decode()]
    assert house.embedder.failures


async def test_a_time_to_live_is_needed(house: House) -> None:
    """Counts of words may lag by it, so it cannot be endless or nothing."""
    for seconds in (0.0, -1.0, float("nan")):
        with pytest.raises(InvalidInput):
            CacheReplies(
                versions=MemoryVersionStore(house.database), layers={}, fingerprint="", ttl_seconds=seconds
            )
