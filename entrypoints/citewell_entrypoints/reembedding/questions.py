"""What two spaces are asked: stored passages, or questions with judgements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from citewell.model import ChunkRef, DocumentId
from citewell.ports import DocumentStore
from citewell_entrypoints.evaluation.beir import read_judgements, read_queries
from citewell_entrypoints.evaluation.errors import UnusableFolder
from citewell_entrypoints.reembedding.comparing import Question

if TYPE_CHECKING:
    from citewell_adapters.pgvector import PgSpaces

__all__ = ["judged_questions", "sampled_questions"]

_DOCUMENTS_AT_ONCE: Final = 500


async def sampled_questions(
    spaces: PgSpaces, *, size: int, seed: int, collection: str | None
) -> Sequence[Question]:
    """Stored passages, drawn by chance."""
    return [
        Question(chunk.text, ChunkRef(chunk.document_id, chunk.index))
        for chunk in await spaces.sample(size=size, seed=seed, collection=collection)
    ]


async def judged_questions(
    queries: Path, qrels: Path | None, *, documents: DocumentStore, collection: str | None
) -> Sequence[Question]:
    """The questions of a file, with judgements only those that something is relevant to.

    A document is judged under its id, under the `beir_id` of its metadata, or under its name. Raises
    UnusableFolder for a file that cannot be read, and if no question is left.
    """
    asked = read_queries(queries)
    if qrels is None:
        questions = [Question(text) for text in asked.values()]
    else:
        judged = read_judgements(qrels)
        wanted = {document for gains in judged.values() for document in gains}
        ids = await _ids(documents, wanted, collection=collection)
        questions = [
            Question(asked[question], gains=_gains(gains, ids))
            for question, gains in judged.items()
            if question in asked and any(gain > 0 and name in ids for name, gain in gains.items())
        ]
    if not questions:
        raise UnusableFolder(
            f"{queries} holds no question that a stored document is relevant to"
            if qrels
            else f"{queries} holds no question"
        )
    return questions


def _gains(gains: Mapping[str, int], ids: Mapping[str, str]) -> Mapping[str, int]:
    """By the ids of documents. What is not stored stays judged: no space finds it."""
    return {ids.get(name, name): gain for name, gain in gains.items()}


async def _ids(documents: DocumentStore, wanted: set[str], *, collection: str | None) -> Mapping[str, str]:
    """The ids of the stored documents by what they are judged under."""
    found: dict[str, str] = {}
    after: DocumentId | None = None
    while page := await documents.list(collection=collection, after=after, limit=_DOCUMENTS_AT_ONCE):
        for document in page:
            names = (str(document.id), str(document.metadata.get("beir_id", "")), document.name)
            if name := next((name for name in names if name in wanted), None):
                found.setdefault(name, str(document.id))
        after = page[-1].id
    return found
