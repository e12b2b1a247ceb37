"""From any exception to a reply: the one handler of the application."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import HTTPScope, Scope, Send

from citewell.errors import CitewellError
from citewell_entrypoints.http.problems import (
    CLIENT_CLOSED_REQUEST,
    CONTENT_TOO_LARGE,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    PROBLEM_MEDIA_TYPE,
    ROUTE_NOT_FOUND,
    ClientDisconnected,
    FieldError,
    HttpProblem,
    Kind,
    Problem,
    kind_of,
)
from citewell_entrypoints.http.request_ids import request_id_of

__all__ = ["problem_in_stream", "problem_reply", "send_failure", "send_problem", "to_http_problem"]

_log = structlog.get_logger("citewell.http")

_KIND_OF_STATUS: Final = {
    kind.status: kind for kind in (INVALID_REQUEST, ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED, CONTENT_TOO_LARGE)
}


def problem_reply(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The reply to a request that failed; what is the server's own fault is logged here."""
    problem = _logged(request.scope, error)
    kind = problem.kind
    return Response(
        _body(problem, request.scope),
        status_code=kind.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers=_headers(problem),
    )


def problem_in_stream(scope: HTTPScope, error: Exception) -> Problem:
    """The same as what a reply that has begun can tell."""
    return _body(_logged(scope, error), scope)


async def send_failure(error: Exception, scope: HTTPScope, send: Send) -> None:
    """The same, from around the framework."""
    await send_problem(_logged(scope, error), scope, send)


def _logged(scope: HTTPScope, error: Exception) -> HttpProblem:
    problem = to_http_problem(error, scope)
    kind = problem.kind
    if kind is INTERNAL_ERROR:
        _log.error("the request failed", exc_info=error)
    elif kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("the request failed", problem=kind.name, error=f"{type(error).__name__}: {error}")
    return problem


async def send_problem(problem: HttpProblem, scope: HTTPScope, send: Send) -> None:
    """The reply that tells the problem, from around the framework, where a refusal costs next to nothing."""
    body = msgspec.json.encode(_body(problem, scope))
    headers = {
        "Content-Type": PROBLEM_MEDIA_TYPE,
        "Content-Length": str(len(body)),
        **_headers(problem),
    }
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.kind.status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _body(problem: HttpProblem, scope: Scope) -> Problem:
    return Problem(
        type=problem.kind.type,
        title=problem.kind.title,
        status=problem.kind.status,
        detail=str(problem),
        instance=scope["path"],
        request_id=request_id_of(scope),
        errors=list(problem.errors),
    )


def _headers(problem: HttpProblem) -> dict[str, str]:
    headers = dict(problem.headers)
    if problem.kind.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.kind.retry_after_seconds)
    return headers


def to_http_problem(error: Exception, scope: HTTPScope) -> HttpProblem:
    """The error as a problem. What the server's parts say about themselves stays out of it."""
    if isinstance(error, HttpProblem):
        return error
    if isinstance(error, CitewellError):
        kind = kind_of(type(error))
        said = str(error) if kind.status < HTTPStatus.INTERNAL_SERVER_ERROR else kind.title
        return HttpProblem(kind, _sentences(said, kind.advice))
    if isinstance(error, ClientDisconnected):
        return HttpProblem(CLIENT_CLOSED_REQUEST, "The client went away before its request was complete.")
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _of_framework(error, scope)
    return HttpProblem(INTERNAL_ERROR, _sentences(INTERNAL_ERROR.title, INTERNAL_ERROR.advice))


def _of_framework(error: HTTPException, scope: HTTPScope) -> HttpProblem:
    kind = _KIND_OF_STATUS.get(error.status_code) or _other_kind(error.status_code)
    errors = [_field_error(extra) for extra in error.extra or () if isinstance(extra, Mapping)]
    detail = "; ".join(f"`{error.field}`: {error.message}" for error in errors)
    if kind is ROUTE_NOT_FOUND:
        detail = f"nothing is at {scope['path'][:200]}; /schema shows the addresses of the API"
    elif kind is METHOD_NOT_ALLOWED:
        detail = f"{scope['method']} is not possible here; the header Allow names the methods that are"
    return HttpProblem(
        kind, _sentences(detail or error.detail, kind.advice), errors=errors, headers=error.headers or {}
    )


def _other_kind(status: int) -> Kind:
    phrase = HTTPStatus(status).phrase
    return Kind(phrase.lower().replace(" ", "-"), status, phrase)


def _field_error(extra: Mapping[str, Any]) -> FieldError:
    source = extra.get("source")
    return FieldError(
        source=str(getattr(source, "value", source) or "query"),
        field=str(extra.get("key", "")),
        message=str(extra.get("message", "")),
    )


def _sentences(*parts: str) -> str:
    """The parts that are not empty, each with a capital in front and a full stop behind."""
    whole = (part.strip() for part in parts)
    return " ".join(
        part[0].upper() + part[1:] + ("" if part.endswith((".", "?", "!")) else ".") for part in whole if part
    )
