"""The contract of Reranker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from citewell.errors import RerankerRejected, RerankerUnavailable
from citewell.model import Chunk, DocumentId, Hit, Span
from citewell.ports import Reranker

__all__ = ["RemoteRerankerContract", "RerankerContract"]

QUESTION = "When does the ferry leave the harbour?"
TEXTS = (
    "Bread is baked before sunrise.",
    "The ferry leaves the harbour at nine.",
    "The harbour was built in 1902, and the ferry came later.",
    "东京的渡轮什么时候离开？",
    "Bread is baked before sunrise.",
)
#: Models compute in single precision, and not always in one order.
_TOLERANCE = 1e-3


def hits_of(texts: Sequence[str]) -> list[Hit]:
    """Hits with these texts, each of a document of its own, best first."""
    return [
        Hit(
            document_id=DocumentId(UUID(int=number)),
            document_name=f"{number}.txt",
            collection="default",
            sha256=f"{number:064x}",
            chunk=Chunk(0, Span(0, len(text)), text, 1, 1, (), len(text.split())),
            similarity=0.0,
            relevance=1 - number / 10,
        )
        for number, text in enumerate(texts)
    ]


@pytest.mark.asyncio
class RerankerContract:
    """Override `reranker` with one that is ready for use."""

    @pytest.fixture
    def reranker(self) -> Reranker:
        raise NotImplementedError("override the fixture reranker")

    async def test_each_hit_gets_a_score(self, reranker: Reranker) -> None:
        """One score per hit, each in [0, 1]."""
        for count in range(len(TEXTS) + 1):
            scores = await reranker.score(QUESTION, hits_of(TEXTS[:count]))
            assert len(scores) == count
            assert all(0 <= score <= 1 for score in scores)

    async def test_no_hits_give_no_scores(self, reranker: Reranker) -> None:
        """No hits give no scores."""
        assert list(await reranker.score(QUESTION, [])) == []

    async def test_the_order_of_the_hits_changes_no_score(self, reranker: Reranker) -> None:
        """In the order of the hits; in whatever order they come, each gets the same score."""
        hits = hits_of(TEXTS)
        scores = await reranker.score(QUESTION, hits)
        backwards = await reranker.score(QUESTION, hits[::-1])
        assert list(backwards)[::-1] == pytest.approx(list(scores), abs=_TOLERANCE)

    async def test_asked_again_it_says_the_same(self, reranker: Reranker) -> None:
        """Each hit gets the same score when it is asked again. Calls may overlap."""
        hits = hits_of(TEXTS)
        first = await reranker.score(QUESTION, hits)
        again = await asyncio.gather(*(reranker.score(QUESTION, hits) for _ in range(4)))
        for scores in again:
            assert list(scores) == pytest.approx(list(first), abs=_TOLERANCE)

    @pytest.mark.parametrize("text", ["x", "\ud800 \0", "word " * 3000, "🦉", "नमस्ते दुनिया", "-----"])
    async def test_any_text_is_judged(self, reranker: Reranker, text: str) -> None:
        """One score per hit, whatever its text is."""
        [score] = await reranker.score(text, hits_of([text]))
        assert 0 <= score <= 1


@pytest.mark.asyncio
class RemoteRerankerContract(RerankerContract):
    """For rerankers that can fail; override these fixtures too."""

    @pytest.fixture
    def unavailable_reranker(self) -> Reranker:
        """One that does not answer for the moment."""
        raise NotImplementedError("override the fixture unavailable_reranker")

    @pytest.fixture
    def rejecting_reranker(self) -> Reranker:
        """One that refuses the request."""
        raise NotImplementedError("override the fixture rejecting_reranker")

    async def test_a_reranker_that_is_away_is_unavailable(self, unavailable_reranker: Reranker) -> None:
        """Raises RerankerUnavailable where a later try may succeed."""
        with pytest.raises(RerankerUnavailable):
            await unavailable_reranker.score(QUESTION, hits_of(TEXTS))

    async def test_a_refusal_for_good_is_a_rejection(self, rejecting_reranker: Reranker) -> None:
        """Raises RerankerRejected where it cannot."""
        with pytest.raises(RerankerRejected):
            await rejecting_reranker.score(QUESTION, hits_of(TEXTS))
