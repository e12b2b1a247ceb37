"""From a question to the chunks that answer it."""

from __future__ import annotations

from typing import Final

from citewell.errors import InvalidInput
from citewell.model import Hit, Scope
from citewell.ports import DocumentStore, Embedder, VectorStore

__all__ = ["MAX_QUESTION_CHARACTERS", "MAX_TOP_K", "Search"]

MAX_QUESTION_CHARACTERS: Final = 8_000
MAX_TOP_K: Final = 100


class Search:
    """Dense search: embed the question, take the nearest chunks."""

    def __init__(self, *, embedder: Embedder, vectors: VectorStore, documents: DocumentStore) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._documents = documents

    async def __call__(self, question: str, *, scope: Scope, top_k: int = 5) -> tuple[Hit, ...]:
        """Up to `top_k` hits, best first. Raises InvalidInput, and DocumentNotFound for an unknown id."""
        check_question(question, top_k=top_k)
        [vector] = await self._embedder.embed([question], role="question")
        hits = await self._vectors.search(vector, k=top_k, scope=scope)
        if not hits:
            # Only now, so that a question that finds something pays nothing for the check.
            for document_id in scope.document_ids or ():
                await self._documents.get(document_id)
        return tuple(hits)


def check_question(question: str, *, top_k: int) -> None:
    """Raises InvalidInput for an empty or over-long question and for `top_k` out of range."""
    if not question.strip():
        raise InvalidInput("the question is empty")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise InvalidInput(f"the question is longer than {MAX_QUESTION_CHARACTERS} characters")
    if "\0" in question:
        raise InvalidInput("the question contains a NUL character")
    if not 1 <= top_k <= MAX_TOP_K:
        raise InvalidInput(f"top_k is {top_k}; it must be from 1 to {MAX_TOP_K}")
