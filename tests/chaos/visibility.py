"""Asks all the time, and checks that every document is found whole or not at all."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.chaos.client import Client
from tests.chaos.embeddings import EmbeddingsStub
from tests.chaos.ledger import Entry, Ledger
from tests.chaos.outcomes import Kind, Outcome, Passage, Violation

__all__ = ["Observer", "partial_faults", "whole_faults"]

#: What one query can return; larger documents are looked at through their list of chunks.
_TOP_K: Final = 100
_PAUSE_SECONDS: Final = 0.05


def whole_faults(sources: Sequence[Mapping[str, Any]], reference: Mapping[str, Outcome]) -> list[str]:
    """What is wrong with the sources of a query for all chunks of one document: none, or all of a revision.

    reference: the undisturbed outcome of every revision that may be seen, by its SHA-256.
    """
    faults = partial_faults(sources, reference)
    if faults or not sources:
        return faults
    passages = reference[sources[0]["sha256"]].passages
    found = {source["chunk_index"] for source in sources}
    missing = [passage.index for passage in passages if passage.index not in found]
    return [f"{len(missing)} of {len(passages)} chunks are not found: {missing[:5]}"] if missing else []


def partial_faults(sources: Sequence[Mapping[str, Any]], reference: Mapping[str, Outcome]) -> list[str]:
    """What is wrong with sources of one document: of one revision, each once and as it should be."""
    revisions = {source["sha256"] for source in sources}
    if len(revisions) > 1:
        return [f"chunks of {len(revisions)} revisions at once"]
    unknown = revisions - reference.keys()
    if unknown:
        return [f"chunks of a revision that it never had: {unknown.pop()[:12]}"]
    indexes = [source["chunk_index"] for source in sources]
    if len(set(indexes)) < len(indexes):
        return ["the same chunk more than once"]
    return [
        f"chunk {source['chunk_index']} is not as in an undisturbed run"
        for source in sources
        if not _is_as(source, reference[source["sha256"]].passages)
    ]


def _is_as(source: Mapping[str, Any], passages: Sequence[Passage]) -> bool:
    index = source["chunk_index"]
    if not 0 <= index < len(passages):
        return False
    passage = passages[index]
    span = {"start": passage.start, "end": passage.end}
    return bool(source["text"] == passage.text and source["span"] == span)


class Observer:
    """Run `run` as a task; it never ends by itself. replies: how many were checked."""

    def __init__(
        self, client: Client, ledger: Ledger, reference: Mapping[str, Outcome], *, seed: int
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._reference = reference
        self._chance = random.Random(seed)
        self.replies = 0
        #: Each once, however often it was seen.
        self.violations: list[Violation] = []

    async def run(self) -> None:
        """Looks at one document after the other, by turns in each of the ways."""
        looks = (self._ask_for_all, self._ask_around, self._list)
        while True:
            for look in looks:
                await asyncio.sleep(_PAUSE_SECONDS)
                entries = list(self._ledger)
                if entries:
                    # The newest are those that something happens to.
                    recent = entries[-12:] if self._chance.random() < 0.7 else entries
                    await look(self._chance.choice(recent))

    async def _ask_for_all(self, entry: Entry) -> None:
        """All chunks of a small document in one query."""
        known = self._known(entry)
        if any(len(outcome.passages) > _TOP_K for outcome in known.values()):
            return
        begun, must_be_found = time.monotonic(), _must_be_found(entry)
        body = {"document_id": entry.document_id, **_asking_for_all(self._chance)}
        sources = await self._client.ask(body)
        if sources is None:
            return
        faults = whole_faults(sources, self._known(entry))
        if not sources and must_be_found and entry.stands:
            faults.append("found before, and not any more")
        if sources and entry.deleted is not None and entry.deleted < begun:
            faults.append("found after its deletion")
        self._note(entry, faults)

    async def _ask_around(self, entry: Entry) -> None:
        """Some chunks of all documents in a collection."""
        body = {"collection": entry.collection, **_asking_for_all(self._chance)}
        sources = await self._client.ask(body)
        by_document: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for source in sources or ():
            by_document[source["document_id"]].append(source)
        for document_id, found in by_document.items():
            # An upload may be found before its reply has arrived here; then nothing is known of it yet.
            if (of := self._ledger.get(document_id)) is not None:
                self._note(of, partial_faults(found, self._known(of)))

    async def _list(self, entry: Entry) -> None:
        """The list of chunks of a document that says it is ready."""
        revisions = len(entry.revisions)
        if not entry.stands or revisions > 1:
            return
        document = await self._client.document(entry.document_id)
        if document is None or document["status"] != "ready":
            return
        passages = await self._client.passages(entry.document_id)
        if not entry.stands or len(entry.revisions) != revisions:
            return
        faults = []
        if document["chunk_count"] != len(passages):
            faults.append(f"ready with {document['chunk_count']} chunks, and {len(passages)} are listed")
        expected = self._reference[entry.sha256].passages
        if passages != expected:
            faults.append("ready, and its chunks are not those of an undisturbed run")
        self._note(entry, faults)

    def _known(self, entry: Entry) -> Mapping[str, Outcome]:
        return {sha256: self._reference[sha256] for sha256 in {*entry.revisions, *entry.offered}}

    def _note(self, entry: Entry, faults: Sequence[str]) -> None:
        self.replies += 1
        found = [Violation(Kind.HALF_VISIBLE, entry.document_id, fault) for fault in faults]
        self.violations += [violation for violation in found if violation not in self.violations]


def _must_be_found(entry: Entry) -> bool:
    return entry.ready_since is not None and entry.stands


def _asking_for_all(chance: random.Random) -> dict[str, Any]:
    """Copies by themselves, too: some of the files repeat their pages."""
    question = f"{EmbeddingsStub.QUESTION}what stands in ledger {chance.randrange(10**6)}?"
    return {"question": question, "top_k": _TOP_K, "collapse": False}
