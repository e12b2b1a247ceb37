"""The bodies of questions and replies, apart from the core's values."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from citewell.model import (
    MAX_CANDIDATES,
    MAX_EXPAND,
    Answer,
    AnswerBudget,
    Explanation,
    Fusion,
    Hit,
    LegScore,
    Mode,
    Passage,
    Place,
    SearchOptions,
    SearchPlan,
    SearchTrace,
)
from citewell.usecases import MAX_QUESTION_CHARACTERS, MAX_TOP_K, MAX_TURNS
from citewell_entrypoints.http.answer_schemas import (
    MAX_ANSWER_TOKENS,
    CitationItem,
    MessageItem,
    UsageItem,
)
from citewell_entrypoints.http.degradation_schemas import DegradationItem, Degradations
from citewell_entrypoints.http.schemas import (
    Boxes,
    BoxItem,
    Collection,
    DocumentUUID,
    PageRange,
    Sha256,
    SpanItem,
)

__all__ = [
    "LegItem",
    "PassageItem",
    "PlaceItem",
    "QueryExplanation",
    "QueryReply",
    "QueryRequest",
    "Source",
    "SourceExplanation",
]


class QueryRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question. It is put to the collection `default` if neither documents nor a collection are named."""

    question: Annotated[
        Annotated[str, Meta(min_length=1, max_length=MAX_QUESTION_CHARACTERS)] | None,
        Meta(
            description="what is to be found; either this or `messages`",
            examples=["How long is the notice period?"],
        ),
    ] = None
    messages: Annotated[
        Annotated[list[MessageItem], Meta(min_length=1, max_length=MAX_TURNS)] | None,
        Meta(
            description="a conversation instead of a `question`: its last message, the user's, is asked, "
            "made self-contained by the language model, or by a rule where there is none; "
            "`question` in the reply is what was searched for"
        ),
    ] = None
    top_k: Annotated[int, Meta(ge=1, le=MAX_TOP_K, description="how many sources at most")] = 5
    document_id: Annotated[
        UUID | None, Meta(description="search this document only; not together with `document_ids`")
    ] = None
    document_ids: Annotated[
        Annotated[list[UUID], Meta(max_length=1000)] | None, Meta(description="search these documents only")
    ] = None
    collection: Annotated[str | None, Meta(description="search this collection only")] = None
    filter: Annotated[
        dict[str, Any] | None,
        Meta(
            description="search documents with such metadata only: for each key a value, or an object of "
            "`eq`, `ne`, `gt`, `gte`, `lt`, `lte`, `in`, `nin`; under `and` and `or` a list of filters, "
            "under `not` one. A dot leads into an object; of an array one element is enough",
            examples=[{"lang": "en", "year": {"gte": 2020, "lt": 2024}}],
        ),
    ] = None
    mode: Annotated[
        Literal["hybrid", "dense", "lexical"],
        Meta(
            description="`dense`: by the meaning of question and passage; `lexical`: by their words (BM25); "
            "`hybrid`: by both"
        ),
    ] = "hybrid"
    fusion: Annotated[
        Literal["convex", "rrf"],
        Meta(
            description="how `hybrid` makes one ranking of two: `convex` adds the scores of each, stretched "
            "to 0-1; `rrf` goes by the ranks alone"
        ),
    ] = "convex"
    vector_weight: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="the share of `dense` in a `hybrid` score; null: APP_SEARCH_VECTOR_WEIGHT"),
    ] = None
    candidates: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_CANDIDATES)] | None,
        Meta(
            description="how many passages each of the two brings, at least `top_k`; null: "
            "APP_SEARCH_CANDIDATES, half of it under a filter"
        ),
    ] = None
    min_score: Annotated[float, Meta(ge=0, le=1, description="leave out sources below this score")] = 0.0
    expand: Annotated[
        int,
        Meta(
            ge=0,
            le=MAX_EXPAND,
            description="give each source a `passage`: its text with that of so many chunks before and after",
        ),
    ] = 0
    rerank: Annotated[
        bool | None,
        Meta(
            description="judge the first APP_RERANK_DEPTH passages once more, by APP_RERANK_BACKEND; null: "
            "if `mode` is `hybrid` and the server has a reranker"
        ),
    ] = None
    diversity: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="how much a source should differ from those before it (maximal marginal relevance); "
            "0: not at all. The sources come in the order in which they were chosen, then, not by score",
        ),
    ] = 0.0
    collapse: Annotated[
        bool,
        Meta(description="give passages of the same, or nearly the same, text once, the others in `also_in`"),
    ] = True
    answer: Annotated[
        bool,
        Meta(
            description="have the language model answer, if there is one; `false`: the sources alone, at "
            "once, and a conversation made self-contained by the rule"
        ),
    ] = True
    timeout_seconds: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Meta(
            description="for the language model, from the beginning of the request; if it takes longer, the "
            "sources come alone; null, and at most: APP_LLM_TIMEOUT_SECONDS"
        ),
    ] = None
    max_tokens: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_ANSWER_TOKENS)] | None,
        Meta(description="longest answer, in tokens; null, and at most: APP_LLM_MAX_TOKENS"),
    ] = None
    explain: Annotated[bool, Meta(description="tell how each source came to its place")] = False
    cache: Annotated[
        bool,
        Meta(description="take a reply that was made before, if nothing has changed; `Cache-Status` tells"),
    ] = True

    @property
    def budget(self) -> AnswerBudget | None:
        """What an answer may take; None if none is wanted."""
        return AnswerBudget(self.timeout_seconds, self.max_tokens) if self.answer else None

    @property
    def options(self) -> SearchOptions:
        """How to search."""
        return _options(
            self.mode,
            self.fusion,
            self.vector_weight,
            self.candidates,
            self.min_score,
            self.expand,
            self.rerank,
            self.diversity,
            self.collapse,
        )


# Most questions come with options that have come before.
@lru_cache(256)
def _options(
    mode: str,
    fusion: str,
    vector_weight: float | None,
    candidates: int | None,
    min_score: float,
    expand: int,
    rerank: bool | None,
    diversity: float,
    collapse: bool,
) -> SearchOptions:
    return SearchOptions(
        mode=Mode(mode),
        fusion=Fusion(fusion),
        vector_weight=vector_weight,
        candidates=candidates,
        min_score=min_score,
        expand=expand,
        rerank=rerank,
        diversity=diversity,
        collapse=collapse,
    )


class LegItem(Struct, frozen=True, kw_only=True):
    """What one leg of the search says of a source."""

    rank: Annotated[int, Meta(description="its place there, from 1")]
    score: Annotated[float, Meta(description="`dense`: cosine similarity; `lexical`: BM25")]
    contribution: Annotated[float, Meta(description="its part of a `hybrid` score")]

    @classmethod
    def of(cls, leg: LegScore | None) -> LegItem | None:
        if leg is None:
            return None
        return cls(rank=leg.rank, score=leg.score, contribution=leg.contribution)


class SourceExplanation(Struct, frozen=True, kw_only=True):
    """How a source came to its place."""

    dense: Annotated[LegItem | None, Meta(description="null if it is not among the candidates by meaning")]
    lexical: Annotated[LegItem | None, Meta(description="null if it is not among the candidates by words")]
    rerank: Annotated[
        float | None, Meta(description="the reranker's score, in [0, 1]; null if it did not judge it")
    ]

    @classmethod
    def of(cls, explanation: Explanation) -> SourceExplanation:
        return cls(
            dense=LegItem.of(explanation.dense),
            lexical=LegItem.of(explanation.lexical),
            rerank=explanation.rerank,
        )


class PlanItem(Struct, frozen=True, kw_only=True):
    """How the passages were looked for."""

    method: Annotated[
        Literal["exact", "index"],
        Meta(
            description="`exact`: all passages of the scope were read; `index`: the index of the vectors "
            "gave them"
        ),
    ]
    topped_up: Annotated[
        bool, Meta(description="whether the index gave too few, so that all were read after all")
    ]
    matched: Annotated[
        int | None,
        Meta(
            description="about how many passages the scope has; null: not known, or only that they are many"
        ),
    ]

    @classmethod
    def of(cls, plan: SearchPlan | None) -> PlanItem | None:
        if plan is None:
            return None
        return cls(method="exact" if plan.exact else "index", topped_up=plan.topped_up, matched=plan.matched)


class QueryExplanation(Struct, frozen=True, kw_only=True):
    """How a search went."""

    vector_weight: Annotated[float, Meta(description="the share of `dense`, as it was applied")]
    dense_candidates: Annotated[int, Meta(description="passages looked at by meaning")]
    lexical_candidates: Annotated[int, Meta(description="passages looked at by words")]
    embed_ms: Annotated[float, Meta(description="milliseconds for embedding the question")]
    find_ms: Annotated[float, Meta(description="milliseconds for finding the candidates and choosing")]
    reranked: Annotated[int, Meta(description="passages that the reranker judged")]
    rerank_ms: Annotated[float, Meta(description="milliseconds for reranking")]
    plan: Annotated[PlanItem | None, Meta(description="null if it is not known")]
    cached: Annotated[
        bool,
        Meta(
            description="whether the reply was made for a question before; the milliseconds are those of its "
            "making"
        ),
    ]

    @classmethod
    def of(cls, trace: SearchTrace, *, cached: bool) -> QueryExplanation:
        return cls(
            vector_weight=trace.vector_weight,
            dense_candidates=trace.dense_seen,
            lexical_candidates=trace.lexical_seen,
            embed_ms=round(trace.embed_ms, 3),
            find_ms=round(trace.find_ms, 3),
            reranked=trace.reranked,
            rerank_ms=round(trace.rerank_ms, 3),
            plan=PlanItem.of(trace.plan),
            cached=cached,
        )


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
