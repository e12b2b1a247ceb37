"""Questions."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency

from citewell.errors import (
    DocumentNotFound,
    EmbedderUnavailable,
    EmbeddingRejected,
    InvalidInput,
    StoreUnavailable,
)
from citewell.filtering import Filter, parse_filter
from citewell.model import DEFAULT_COLLECTION, Answer, DocumentId, Mode, Scope, SearchOptions
from citewell.usecases import AnswerQuestion
from citewell_entrypoints.http.bodies import read_json
from citewell_entrypoints.http.descriptions import QueryOperation, problems
from citewell_entrypoints.http.metrics import Metrics
from citewell_entrypoints.http.problems import (
    BODY_TOO_SLOW,
    CONTENT_TOO_LARGE,
    INVALID_REQUEST,
    FieldError,
    HttpProblem,
)
from citewell_entrypoints.http.query_schemas import QueryReply, QueryRequest
from citewell_entrypoints.http.sampling import RecallSampler

__all__ = ["CountedAnswers", "ask_question"]

_decoder: Final = msgspec.json.Decoder(QueryRequest)


class CountedAnswers:
    """AnswerQuestion, counted, and sampled for its recall: the one thing that the route depends on."""

    def __init__(
        self, answer_question: AnswerQuestion, metrics: Metrics, sampler: RecallSampler | None = None
    ) -> None:
        self._answer_question = answer_question
        self._metrics = metrics
        self._sampler = sampler

    async def __call__(self, question: str, *, scope: Scope, top_k: int, options: SearchOptions) -> Answer:
        """Raises what AnswerQuestion raises."""
        answer = await self._answer_question(question, scope=scope, top_k=top_k, options=options)
        self._metrics.asked(answer)
        if self._sampler is not None and options.mode is not Mode.LEXICAL:
            self._sampler.offer(question, scope=scope)
        return answer


@post(
    "/query",
    status_code=200,
    tags=["search"],
    operation_id="askQuestion",
    summary="Ask a question",
    operation_class=QueryOperation,
    response_description="The sources, best first",
    responses=problems(
        INVALID_REQUEST,
        DocumentNotFound,
        BODY_TOO_SLOW,
        CONTENT_TOO_LARGE,
        EmbeddingRejected,
        EmbedderUnavailable,
        StoreUnavailable,
    ),
)
async def ask_question(
    request: Request[Any, Any, Any], answer_question: NamedDependency[CountedAnswers]
) -> QueryReply:
    """Find the passages that answer a question, best first, and the answer if a language model is there.

    A source cites exactly: document, revision (`sha256`), pages and character span. Documents that are not
    `ready` are not found. If the language model, the reranker or, in a hybrid search, the embedder is away,
    sources come all the same, and `degraded` names what was missing.
    """
    asked = await read_json(request, _decoder)
    answer = await answer_question(
        asked.question, scope=_scope(asked), top_k=asked.top_k, options=asked.options
    )
    return QueryReply.of(answer, explain=asked.explain)


def _scope(asked: QueryRequest) -> Scope:
    condition = None if asked.filter is None else _filter(asked.filter)
    if asked.document_id is not None:
        if asked.document_ids is not None:
            message = "cannot be given together with `document_id`"
            error = FieldError(source="body", field="document_ids", message=message)
            raise HttpProblem(INVALID_REQUEST, f"`document_ids`: {message}.", errors=[error])
        return Scope(asked.collection, (DocumentId(asked.document_id),), condition)
    if asked.document_ids is not None:
        given = tuple(DocumentId(document) for document in asked.document_ids)
        return Scope(asked.collection, given, condition)
    return Scope(DEFAULT_COLLECTION if asked.collection is None else asked.collection, filter=condition)


def _filter(given: dict[str, Any]) -> Filter:
    try:
        return parse_filter(given)
    except InvalidInput as error:
        field, _, message = str(error).partition(": ")
        errors = [FieldError(source="body", field=field, message=message)]
        raise HttpProblem(INVALID_REQUEST, f"`{field}`: {message}.", errors=errors) from None
