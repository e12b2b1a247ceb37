"""How a search went, as a reply tells it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from citewell.model import Explanation, LegScore, SearchPlan, SearchTrace

__all__ = ["LegItem", "QueryExplanation", "SourceExplanation"]


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
