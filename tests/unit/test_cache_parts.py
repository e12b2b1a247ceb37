"""The parts of a cache of results: keys, fresh versions, shared flights, sealed values."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.caching import FreshVersions, SingleFlight, result_key, seal, unseal
from citewell.errors import StoreUnavailable
from citewell.filtering import parse_filter
from citewell.model import Asked, DocumentId, Fusion, Mode, Scope, ScopeVersion, SearchOptions

ONE, TWO = (DocumentId(UUID(int=number)) for number in (1, 2))
ASKED = Asked("Where?", Scope("books"), 5, SearchOptions())
VERSION = ScopeVersion("documents", "counts")


def key(asked: Asked = ASKED, version: ScopeVersion = VERSION, fingerprint: str = "settings") -> str:
    return result_key(asked, version, fingerprint=fingerprint)


OTHERS = [
    replace(ASKED, question="where?"),
    replace(ASKED, question="Where ?"),
    replace(ASKED, scope=Scope()),
    replace(ASKED, scope=Scope("book")),
    replace(ASKED, scope=Scope("books", ())),
    replace(ASKED, scope=Scope("books", (ONE,))),
    replace(ASKED, scope=Scope(None, (ONE,))),
    replace(ASKED, scope=Scope("books", (ONE, TWO))),
    *(
        replace(ASKED, scope=Scope("books", filter=parse_filter(each)))
        for each in (
            {"year": 1},
            {"year": True},
            {"year": "1"},
            {"year": {"gt": 1}},
            {"year": {"in": [1, 2]}},
            {"not": {"year": 1}},
            {"or": [{"year": 1}, {"lang": "en"}]},
            {"year": 1, "lang": "en"},
        )
    ),
    replace(ASKED, top_k=6),
    *(
        replace(ASKED, options=options)
        for options in (
            SearchOptions(mode=Mode.DENSE),
            SearchOptions(mode=Mode.LEXICAL),
            SearchOptions(fusion=Fusion.RRF),
            SearchOptions(vector_weight=0.4),
            SearchOptions(candidates=100),
            SearchOptions(min_score=0.1),
            SearchOptions(rerank=False),
            SearchOptions(rerank=True),
            SearchOptions(diversity=0.1),
            SearchOptions(collapse=False),
            SearchOptions(expand=1),
        )
    ),
    replace(ASKED, form="explained"),
]


def test_whatever_decides_on_the_reply_is_in_the_key() -> None:
    """No two of these have the same key."""
    keys = [key(asked) for asked in (ASKED, *OTHERS)]
    assert len(set(keys)) == len(keys)
    assert key(fingerprint="other") not in keys


def test_every_option_has_been_thought_of() -> None:
    """A new option of a search, or part of a scope, has to be in the test above."""
    varied = {
        name
        for asked in OTHERS
        for name in SearchOptions.__dataclass_fields__
        if getattr(asked.options, name) != getattr(ASKED.options, name)
    }
    assert varied == set(SearchOptions.__dataclass_fields__)
    assert set(Scope.__dataclass_fields__) == {"collection", "document_ids", "filter"}
    assert set(Asked.__dataclass_fields__) == {"question", "scope", "top_k", "options", "form"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ASKED, replace(ASKED, question="  Where?\n")),
        (
            replace(ASKED, scope=Scope(None, (ONE, TWO))),
            replace(ASKED, scope=Scope(None, (TWO, ONE, TWO))),
        ),
        *(
            tuple(replace(ASKED, scope=Scope(filter=parse_filter(each))) for each in pair)
            for pair in (
                ({"a": 1, "b": {"gt": 1, "lt": 5}}, {"b": {"lt": 5, "gt": 1}, "a": 1}),
                ({"a": {"in": [1, "x", True]}}, {"a": {"in": [True, 1, "x"]}}),
                ({"or": [{"a": 1}, {"b": 2}]}, {"or": [{"b": 2}, {"a": 1}]}),
            )
        ),
    ],
)
def test_what_does_not_matter_is_not_in_the_key(one: Asked, other: Asked) -> None:
    """White space around the question, and the order of what has none."""
    assert key(one) == key(other)


def test_vectors_alone_depend_on_the_documents_alone() -> None:
    """Words are counted over more than that."""
    dense = replace(ASKED, options=SearchOptions(mode=Mode.DENSE))
    counted = replace(VERSION, counts="other")
    assert key(dense, counted) == key(dense)
    assert key(version=counted) != key()
    assert key(dense, replace(VERSION, documents="other")) != key(dense)


class SlowVersions:
    """A VersionStore whose reads wait until they are let go, and see the data when they are sent."""

    def __init__(self) -> None:
        self.now = 0
        self.reads: list[Sequence[Scope]] = []
        self.gates: list[asyncio.Event] = []
        self.failure: Exception | None = None

    async def versions(self, scopes: Sequence[Scope]) -> Sequence[ScopeVersion]:
        seen = self.now
        gate = asyncio.Event()
        self.reads.append(scopes)
        self.gates.append(gate)
        await gate.wait()
        if self.failure is not None:
            raise self.failure
        return [ScopeVersion(f"{scope.collection} {seen}", "") for scope in scopes]


async def turns(count: int = 5) -> None:
    """Let the others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_no_call_gets_a_version_from_before_it() -> None:
    """Who comes while a read is on its way waits for the next, however many they are."""
    store = SlowVersions()
    fresh = FreshVersions(store)
    first = [asyncio.create_task(fresh(Scope("a"))) for _ in range(10)]
    await turns()
    store.now = 1
    late = [asyncio.create_task(fresh(Scope(name))) for name in "abab"]
    await turns()
    assert [list(scopes) for scopes in store.reads] == [[Scope("a")]]
    store.gates[0].set()
    assert {each.documents for each in await asyncio.gather(*first)} == {"a 0"}
    await turns()
    store.gates[1].set()
    assert [each.documents for each in await asyncio.gather(*late)] == ["a 1", "b 1", "a 1", "b 1"]
    assert [list(scopes) for scopes in store.reads[1:]] == [[Scope("a"), Scope("b")]]
    again = asyncio.create_task(fresh(Scope("a")))
    await turns()
    store.gates[2].set()
    assert (await again).documents == "a 1"


async def test_a_filter_does_not_split_a_read() -> None:
    """Versions do not depend on it."""
    store = SlowVersions()
    fresh = FreshVersions(store)
    calls = [asyncio.create_task(fresh(Scope("a", filter=parse_filter({"year": year})))) for year in range(3)]
    await turns()
    store.gates[0].set()
    await asyncio.gather(*calls)
    assert store.reads == [[Scope("a")]]


async def test_who_is_cancelled_takes_nobody_along() -> None:
    """The read goes on for the others."""
    store = SlowVersions()
    fresh = FreshVersions(store)
    gone, other = (asyncio.create_task(fresh(Scope("a"))) for _ in range(2))
    await turns()
    gone.cancel()
    await turns()
    store.gates[0].set()
    assert (await other).documents == "a 0"
    assert gone.cancelled()


async def test_a_failure_reaches_all_who_wait_and_nobody_else() -> None:
    """The next read is a new try."""
    store = SlowVersions()
    store.failure = StoreUnavailable("away")
    fresh = FreshVersions(store)
    calls = [asyncio.create_task(fresh(Scope("a"))) for _ in range(3)]
    await turns()
    store.gates[0].set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, StoreUnavailable) for result in results)
    store.failure = None
    again = asyncio.create_task(fresh(Scope("a")))
    await turns()
    store.gates[1].set()
    assert (await again).documents == "a 0"


class Work:
    """Work that ends when told."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.over = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> str:
        self.begun += 1
        try:
            await self.over.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure is not None:
            raise self.failure
        return "done"


async def test_the_same_work_is_done_once() -> None:
    """For all who ask while it is under way; later ones have it done anew."""
    flights, work = SingleFlight[str](), Work()
    calls = [asyncio.create_task(flights("a", work)) for _ in range(5)]
    await turns()
    work.over.set()
    assert await asyncio.gather(*calls) == [("done", False)] + [("done", True)] * 4
    assert work.begun == 1
    assert await flights("a", work) == ("done", False)
    assert work.begun == 2


async def test_other_keys_are_other_work() -> None:
    """They do not wait for each other."""
    flights, slow, quick = SingleFlight[str](), Work(), Work()
    quick.over.set()
    waiting = asyncio.create_task(flights("a", slow))
    await turns()
    assert await flights("b", quick) == ("done", False)
    slow.over.set()
    assert await waiting == ("done", False)


async def test_the_work_goes_on_for_those_who_stay() -> None:
    """Also if it was begun for one who left."""
    flights, work = SingleFlight[str](), Work()
    first, second = (asyncio.create_task(flights("a", work)) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    work.over.set()
    assert await second == ("done", True)
    assert (work.begun, work.cancelled) == (1, 0)


async def test_work_that_nobody_waits_for_is_given_up() -> None:
    """And who comes then does not join it."""
    flights, work = SingleFlight[str](), Work()
    calls = [asyncio.create_task(flights("a", work)) for _ in range(2)]
    await turns()
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    again = asyncio.create_task(flights("a", work))
    await turns()
    assert (work.begun, work.cancelled) == (2, 1)
    work.over.set()
    assert await again == ("done", False)


async def test_a_failure_of_the_work_is_everybodys() -> None:
    """All who waited meet it."""
    flights, work = SingleFlight[str](), Work()
    work.failure = StoreUnavailable("away")
    work.over.set()
    results = await asyncio.gather(*(flights("a", work) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, StoreUnavailable) for result in results)


@given(st.binary(max_size=200), st.integers(0, 100))
def test_what_was_sealed_is_unsealed(body: bytes, sources: int) -> None:
    """With the time that is left."""
    kept = unseal(seal(body, sources=sources, expires_at=130.0), now=100.0, max_ttl_seconds=60)
    assert kept is not None
    assert (kept.body, kept.sources, kept.ttl_seconds) == (body, sources, 30.0)


@pytest.mark.parametrize("now", [130.0, 131.0, 69.0])
def test_what_is_over_is_no_reply(now: float) -> None:
    """Nor what claims to be valid for longer than anything is."""
    assert unseal(seal(b"body", sources=1, expires_at=130.0), now=now, max_ttl_seconds=60) is None


@given(st.data())
def test_what_was_altered_is_no_reply(data: Any) -> None:
    """Cut off, longer, another format, or other bytes."""
    sealed = seal(b'{"answer": null}', sources=1, expires_at=130.0)
    assert unseal(sealed + b"x", now=100.0, max_ttl_seconds=60) is None
    assert unseal(sealed[: data.draw(st.integers(0, len(sealed) - 1))], now=100.0, max_ttl_seconds=60) is None
    head = bytes([*b"cwr0"]) + sealed[4:]
    assert unseal(head, now=100.0, max_ttl_seconds=60) is None
    place = data.draw(st.integers(24, len(sealed) - 1))
    spoilt = sealed[:place] + bytes([sealed[place] ^ data.draw(st.integers(1, 255))]) + sealed[place + 1 :]
    assert unseal(spoilt, now=100.0, max_ttl_seconds=60) is None


@given(st.binary(max_size=64))
def test_strangers_bytes_are_no_reply(given_bytes: bytes) -> None:
    """Whatever somebody else wrote there."""
    assert unseal(given_bytes, now=100.0, max_ttl_seconds=60) is None
