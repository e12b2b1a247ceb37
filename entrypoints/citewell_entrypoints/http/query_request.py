"""The body of a question, apart from the core's values."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from citewell.model import MAX_CANDIDATES, MAX_EXPAND, AnswerBudget, Fusion, Mode, SearchOptions
from citewell.usecases import MAX_QUESTION_CHARACTERS, MAX_TOP_K, MAX_TURNS
from citewell_entrypoints.http.answer_schemas import MAX_ANSWER_TOKENS, MessageItem

__all__ = ["QueryRequest"]


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
