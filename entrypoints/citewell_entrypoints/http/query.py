"""Questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeGuard, cast

import msgspec
from litestar import MediaType, Request, Response, post
from litestar.datastructures import ResponseHeader
from litestar.datastructures.headers import Accept, Headers
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from citewell.errors import DocumentNotFound, InvalidInput, StoreUnavailable
from citewell.filtering import Filter, parse_filter
from citewell.model import DEFAULT_COLLECTION, DocumentId
from citewell.model import Scope as SearchScope
from citewell_entrypoints.http.bodies import read_json
from citewell_entrypoints.http.descriptions import QueryOperation, problems
from citewell_entrypoints.http.failures import problem_in_stream, send_failure
from citewell_entrypoints.http.problems import (
    BODY_TOO_SLOW,
    CONTENT_TOO_LARGE,
    INVALID_REQUEST,
    FieldError,
    HttpProblem,
)
from citewell_entrypoints.http.query_request import QueryRequest
from citewell_entrypoints.http.query_schemas import QueryReply
from citewell_entrypoints.http.replies import QuestionReplies
from citewell_entrypoints.http.whole_replies import send_whole_of, whole

__all__ = ["QUERY_PATH", "JsonQuestions", "ask_question"]

QUERY_PATH: Final = "/api/v1/query"

_EVENT_STREAM: Final = "text/event-stream"
_JSON: Final = (b"content-type", b"application/json")
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
        StoreUnavailable,
    ),
)
async def ask_question(
    request: Request[Any, Any, Any], answer_question: NamedDependency[QuestionReplies]
) -> Response[QueryReply]:
    """Find the passages that answer a question, best first, and the answer if a language model is there.

    A source cites exactly: document, revision (`sha256`), pages and character span. Documents that are not
    `ready` are not found. If the language model, the reranker or the embedder is away, slow or refuses,
    sources come all the same; `degraded` names what was missing, `degradations` says why. A reply that was
    made before is given again as long as nothing that it depends on has changed (`Cache-Status`);
    `cache: false` has it made anew.

    An answer rests on `citations`: each names the place in the answer, the source, and a quote with its
    span; those that do not hold are left out and counted. With `Accept: text/event-stream` the reply comes
    as events: `sources` before the model is asked, `token` for each piece of the answer, `citations`, and
    `done`; or `error`.
    """
    asked = await read_question(request.receive)
    events = await answer_question.stream(
        asked, scope=scope_of(asked), problem_of=lambda error: problem_in_stream(request.scope, error)
    )
    # Another type than the description of the JSON reply is made of; QueryOperation tells of this one.
    return cast("Response[QueryReply]", events)


class JsonQuestions:
    """Pure ASGI, around the framework, whose work for one request would be a quarter of all there is to do.

    Answers the questions that are answered as JSON; the rest is passed on.
    """

    def __init__(self, app: ASGIApp, *, replies: Callable[[], QuestionReplies]) -> None:
        """replies: called with the first question, when everything is open."""
        self._app = app
        self._made = replies
        self._replies: QuestionReplies | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_answered_as_json(scope):
            await self._app(scope, receive, send)
            return
        # The framework does so for other requests.
        scope["path_template"] = QUERY_PATH
        replies = self._replies
        if replies is None:
            replies = self._replies = self._made()
        try:
            asked = await read_question(receive)
            reply = await replies(asked, scope=scope_of(asked))
        except Exception as error:  # noqa: BLE001 - it is told, as the framework's handler tells it
            await send_failure(error, scope, send)
            return
        headers = [_JSON, (b"content-length", b"%d" % len(reply.body))]
        if reply.cache_status is not None:
            headers.append((b"cache-status", reply.cache_status.encode()))
        if send_whole_of(scope) is not None:
            await send(whole(headers, reply.body))
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})


def _is_answered_as_json(scope: Scope) -> TypeGuard[HTTPScope]:
    if (
        scope["type"] != ScopeType.HTTP
        or scope["method"] != "POST"
        or scope["path"].rstrip("/") != QUERY_PATH
    ):
        return False
    for name, value in scope["headers"]:
        if name == b"accept" and _EVENT_STREAM in value.decode("latin-1"):
            return not _wants_events(scope)
    return True


async def read_question(receive: Receive) -> QueryRequest:
    """The body of a question. Raises HttpProblem."""
    asked = await read_json(receive, _decoder)
    if (asked.question is None) == (asked.messages is None):
        raise _invalid("question", "either this or `messages` is required")
    return asked


def scope_of(asked: QueryRequest) -> SearchScope:
    """Where is searched. Raises HttpProblem."""
    condition = None if asked.filter is None else _filter(asked.filter)
    if asked.document_id is not None:
        if asked.document_ids is not None:
            raise _invalid("document_ids", "cannot be given together with `document_id`")
        return SearchScope(asked.collection, (DocumentId(asked.document_id),), condition)
    if asked.document_ids is not None:
        given = tuple(DocumentId(document) for document in asked.document_ids)
        return SearchScope(asked.collection, given, condition)
    return SearchScope(DEFAULT_COLLECTION if asked.collection is None else asked.collection, filter=condition)


def _filter(given: dict[str, Any]) -> Filter:
    try:
        return parse_filter(given)
    except InvalidInput as error:
        field, _, message = str(error).partition(": ")
        raise _invalid(field, message) from None


def _invalid(field: str, message: str) -> HttpProblem:
    error = FieldError(source="body", field=field, message=message)
    return HttpProblem(INVALID_REQUEST, f"`{field}`: {message}.", errors=[error])


def _wants_events(scope: HTTPScope) -> bool:
    accepted = Headers.from_scope(scope).get("accept", "")
    return Accept(accepted).best_match([MediaType.JSON, _EVENT_STREAM]) == _EVENT_STREAM
