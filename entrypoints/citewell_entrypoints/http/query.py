"""Questions."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec
from litestar import MediaType, Request, Response, post
from litestar.datastructures import ResponseHeader
from litestar.datastructures.headers import Accept
from litestar.di import NamedDependency

from citewell.errors import (
    DocumentNotFound,
    EmbedderUnavailable,
    EmbeddingRejected,
    InvalidInput,
    StoreUnavailable,
)
from citewell.filtering import Filter, parse_filter
from citewell.model import DEFAULT_COLLECTION, DocumentId, Scope
from citewell_entrypoints.http.bodies import read_json
from citewell_entrypoints.http.descriptions import QueryOperation, problems
from citewell_entrypoints.http.failures import problem_in_stream
from citewell_entrypoints.http.problems import (
    BODY_TOO_SLOW,
    CONTENT_TOO_LARGE,
    INVALID_REQUEST,
    FieldError,
    HttpProblem,
)
from citewell_entrypoints.http.query_schemas import QueryReply, QueryRequest
from citewell_entrypoints.http.ready import ReadyJson
from citewell_entrypoints.http.replies import QuestionReplies
from citewell_entrypoints.http.streams import EVENT_STREAM_HEADERS, streamed

__all__ = ["ask_question"]

_EVENT_STREAM: Final = "text/event-stream"
_decoder: Final = msgspec.json.Decoder(QueryRequest)


@post(
    "/query",
    status_code=200,
    tags=["search"],
    operation_id="askQuestion",
    summary="Ask a question",
    operation_class=QueryOperation,
    response_description="The sources, best first",
    response_headers=[
        ResponseHeader(
            name="Cache-Status",
            description="whether the reply was kept from before, as RFC 9211 has it: `citewell; hit`, or "
            "`citewell; fwd=miss`; absent where no reply is kept",
            documentation_only=True,
        )
    ],
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
    request: Request[Any, Any, Any], answer_question: NamedDependency[QuestionReplies]
) -> Response[QueryReply]:
    """Find the passages that answer a question, best first, and the answer if a language model is there.

    A source cites exactly: document, revision (`sha256`), pages and character span. Documents that are not
    `ready` are not found. If the language model, the reranker or, in a hybrid search, the embedder is away,
    sources come all the same, and `degraded` names what was missing. A reply that was made before is given
    again as long as nothing that it depends on has changed (`Cache-Status`); `cache: false` has it made anew.

    An answer rests on `citations`: each names the place in the answer, the source, and a quote with its
    span; those that do not hold are left out and counted. With `Accept: text/event-stream` the reply comes
    as events: `sources` before the model is asked, `token` for each piece of the answer, `citations`, and
    `done`; or `error`.
    """
    asked = await read_json(request, _decoder)
    if (asked.question is None) == (asked.messages is None):
        raise _invalid("question", "either this or `messages` is required")
    scope = _scope(asked)
    if _wants_events(request):
        events = await answer_question.stream(
            asked, scope=scope, problem_of=lambda error: problem_in_stream(request, error)
        )
        # Another type than the description of the JSON reply is made of; QueryOperation tells of this one.
        return cast("Response[QueryReply]", streamed(events, headers=EVENT_STREAM_HEADERS))
    reply = await answer_question(asked, scope=scope)
    headers = {} if reply.cache_status is None else {"Cache-Status": reply.cache_status}
    return ReadyJson(reply.body, headers=headers)


def _scope(asked: QueryRequest) -> Scope:
    condition = None if asked.filter is None else _filter(asked.filter)
    if asked.document_id is not None:
        if asked.document_ids is not None:
            raise _invalid("document_ids", "cannot be given together with `document_id`")
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
        raise _invalid(field, message) from None


def _invalid(field: str, message: str) -> HttpProblem:
    error = FieldError(source="body", field=field, message=message)
    return HttpProblem(INVALID_REQUEST, f"`{field}`: {message}.", errors=[error])


def _wants_events(request: Request[Any, Any, Any]) -> bool:
    accepted = request.headers.get("accept", "")
    if _EVENT_STREAM not in accepted:
        return False
    return Accept(accepted).best_match([MediaType.JSON, _EVENT_STREAM]) == _EVENT_STREAM
