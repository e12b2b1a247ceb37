"""The body of a reply to a question, apart from the core's values."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from citewell.model import Answer, Hit, Passage, Place
from citewell_entrypoints.http.answer_schemas import CitationItem, UsageItem
from citewell_entrypoints.http.degradation_schemas import DegradationItem, Degradations
from citewell_entrypoints.http.explanation_schemas import QueryExplanation, SourceExplanation
from citewell_entrypoints.http.schemas import (
    Boxes,
    BoxItem,
    Collection,
    DocumentUUID,
    PageRange,
    Sha256,
    SpanItem,
)

__all__ = ["PassageItem", "PlaceItem", "QueryReply", "Source"]


class PlaceItem(Struct, frozen=True, kw_only=True):
    """Where else a passage stands."""

    document_id: DocumentUUID
    document_name: str
    collection: Collection
    chunk_index: Annotated[int, Meta(description="the passage's number in its document, from 0")]
    span: SpanItem
    pages: PageRange

    @classmethod
    def of(cls, place: Place) -> PlaceItem:
        return cls(
            document_id=place.document_id,
            document_name=place.document_name,
            collection=place.collection,
            chunk_index=place.chunk_index,
            span=SpanItem.of(place.span),
            pages=PageRange(place.first_page, place.last_page),
        )


class PassageItem(Struct, frozen=True, kw_only=True):
    """A source with the chunks around it, as one text. Those of neighbouring sources overlap."""

    text: Annotated[str, Meta(description="exactly the document's text at `span`")]
    span: SpanItem
    pages: PageRange
    chunk_first: Annotated[int, Meta(description="the number of the first chunk in it")]
    chunk_last: Annotated[int, Meta(description="the number of the last chunk in it")]
    boxes: Boxes

    @classmethod
    def of(cls, passage: Passage | None) -> PassageItem | None:
        if passage is None:
            return None
        return cls(
            text=passage.text,
            span=SpanItem.of(passage.span),
            pages=PageRange(passage.first_page, passage.last_page),
            chunk_first=passage.chunk_first,
            chunk_last=passage.chunk_last,
            boxes=[BoxItem.of(box) for box in passage.boxes],
        )


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A passage that was found, and where it stands."""

    document_id: DocumentUUID
    document_name: str
    collection: Collection
    sha256: Sha256
    chunk_index: Annotated[int, Meta(description="the passage's number in its document, from 0")]
    text: Annotated[str, Meta(description="exactly the document's text at `span`")]
    score: Annotated[
        float,
        Meta(
            description="in [0, 1], higher is better. `dense`: (1 + cosine similarity of question and "
            "passage) / 2; comparable only within one embedding model. `lexical`: BM25 as a share of the "
            "most that a passage could reach by the question's words; comparable within one collection. "
            "`hybrid`: the weighted sum of both, each stretched to 0-1 over its candidates; comparable "
            "only within one reply. Reranked: the reranker's score (`heuristic`: comparable within one "
            "reply; a cross-encoder: as its model's are); passages that it did not judge come after the "
            "others, with their score times the lowest of its",
            examples=[0.83],
        ),
    ]
    span: SpanItem
    pages: PageRange
    heading_path: Annotated[
        list[str], Meta(description="the headings above the passage, from the outermost inwards")
    ]
    boxes: Boxes
    passage: Annotated[PassageItem | None, Meta(description="only if `expand` was asked for")] = None
    also_in: Annotated[
        list[PlaceItem],
        Meta(
            description="where else this text, or nearly the same, stands, best first; absent if nowhere "
            "among the passages looked at"
        ),
    ] = []
    explanation: Annotated[SourceExplanation | None, Meta(description="only if `explain` was asked for")] = (
        None
    )

    @classmethod
    def of(cls, hit: Hit, *, explain: bool = False) -> Source:
        chunk = hit.chunk
        return cls(
            document_id=hit.document_id,
            document_name=hit.document_name,
            collection=hit.collection,
            sha256=hit.sha256,
            chunk_index=chunk.index,
            text=chunk.text,
            score=hit.score,
            span=SpanItem.of(chunk.span),
            pages=PageRange(chunk.first_page, chunk.last_page),
            heading_path=list(chunk.heading_path),
            boxes=[BoxItem.of(box) for box in chunk.boxes],
            passage=PassageItem.of(hit.passage),
            also_in=[PlaceItem.of(place) for place in hit.also_in],
            explanation=SourceExplanation.of(hit.explanation) if explain else None,
        )


class QueryReply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a question got."""

    answer: Annotated[
        str | None,
        Meta(
            description="what the language model says, with [1], [2] … for the sources in their order; "
            "that the documents do not tell if no citation in it holds; null if there is no model, or no "
            "source"
        ),
    ]
    sources: Annotated[
        list[Source],
        Meta(description="best first; equal scores by document and passage; with `diversity` as chosen"),
    ]
    degraded: Annotated[
        list[str],
        Meta(
            description="what should have contributed and could not: `llm`; `reranker` if the sources are in "
            "the order of the search; `embedder` if they were found by their words alone",
            examples=[[], ["llm"]],
        ),
    ]
    degradations: Degradations = []
    citations: Annotated[
        list[CitationItem] | None, Meta(description="only with an answer: in the order of its text")
    ] = None
    citations_removed: Annotated[
        int | None,
        Meta(
            description="only with an answer: citations that the model made and that are left out, as there "
            "is no such passage, or the quote is not in it"
        ),
    ] = None
    usage: Annotated[UsageItem | None, Meta(description="only with an answer")] = None
    question: Annotated[
        str | None, Meta(description="only if `messages` were given: what was searched for")
    ] = None
    explanation: Annotated[QueryExplanation | None, Meta(description="only if `explain` was asked for")] = (
        None
    )

    @classmethod
    def of(
        cls, answer: Answer, *, explain: bool = False, cached: bool = False, question: str | None = None
    ) -> QueryReply:
        """question: if it is to be told."""
        is_answered = answer.text is not None
        return cls(
            citations=[CitationItem.of(each) for each in answer.citations] if is_answered else None,
            citations_removed=answer.citations_removed if is_answered else None,
            usage=UsageItem.of(answer.usage),
            question=question,
            answer=answer.text,
            sources=[Source.of(hit, explain=explain) for hit in answer.hits],
            degraded=list(answer.degraded),
            degradations=DegradationItem.all_of(answer.degradations),
            explanation=QueryExplanation.of(answer.trace, cached=cached) if explain else None,
        )
