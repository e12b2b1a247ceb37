"""Passages and their vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citewell.errors import InvalidInput
from citewell.model.names import DocumentId, RevisionId
from citewell.model.pages import PageBox, Span

__all__ = [
    "Chunk",
    "EmbeddedChunk",
    "EmbeddingSpace",
    "Passage",
    "Publication",
    "Vector",
]

#: One point of an embedding space: as many floats as it has dimensions, L2-normalised.
Vector = Sequence[float]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a revision: `text` is exactly the revision's text at `span`.

    index: from 0, without gaps. first_page, last_page: page numbers of the first and last character.
    heading_path: titles from the outermost heading inwards. token_count: as the embedder counts.
    boxes: of the printed lines that share characters with the span, in order, in whole twenty-thousandths of
    the page; none where the format has no pages.
    """

    index: int
    span: Span
    text: str
    first_page: int
    last_page: int
    heading_path: tuple[str, ...]
    token_count: int
    boxes: tuple[PageBox, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """Some chunks of a revision that follow each other, as one: `text` is the revision's text at `span`.

    first_page, last_page: page numbers of the first and last character. chunk_first, chunk_last: the first
    and the last chunk's index. boxes: as a chunk's.
    """

    text: str
    span: Span
    first_page: int
    last_page: int
    chunk_first: int
    chunk_last: int
    boxes: tuple[PageBox, ...] = ()


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk, its vector, and how often each term is in it; None if it has not been analysed."""

    chunk: Chunk
    vector: Vector
    terms: Mapping[int, int] | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """One embedding model and its dimensions; vectors of different spaces are never compared."""

    model: str
    dimensions: int

    def __post_init__(self) -> None:
        if not self.model or not 1 <= self.dimensions <= 4000:
            raise InvalidInput("an embedding space has a model's name and 1 to 4000 dimensions")

    def __str__(self) -> str:
        return f"{self.model} ({self.dimensions} dimensions)"


@dataclass(frozen=True, slots=True)
class Publication:
    """A revision that is to become its document's live one, with what a search tells of it."""

    document_id: DocumentId
    revision_id: RevisionId
    document_name: str
    collection: str
    sha256: str
