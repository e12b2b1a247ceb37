"""What the API's description says besides what the handlers' types say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)

from citewell.errors import CitewellError
from citewell.model import DEFAULT_COLLECTION
from citewell_entrypoints.http.citation_schemas import VerifyRequest
from citewell_entrypoints.http.problems import OVERLOADED, PROBLEM_MEDIA_TYPE, Kind, Problem, kind_of
from citewell_entrypoints.http.query_request import QueryRequest
from citewell_entrypoints.http.recall_schemas import RecallRequest

__all__ = ["QueryOperation", "RecallOperation", "UploadOperation", "VerifyOperation", "problems"]

_EVENTS: Final = (
    "Server-sent events, if `Accept` asks for them. `sources`: `{sources, degraded, degradations}` as in the "
    "reply, before the language model is asked. `token`: `{text}`, a piece of the answer. `citations`: "
    "`{answer, citations, citations_removed}`, the answer as a whole; not without a model, or if it fails. "
    "`done`: `{degraded, degradations, usage, timings}`, the end; or `error`: a problem. A comment is sent "
    "whenever nothing happens for 15 seconds"
)

_UPLOAD: Final = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "PDF, DOCX, EPUB, HTML, Markdown or text",
        },
        "collection": {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            "default": DEFAULT_COLLECTION,
            "description": "the set of documents that it is searched with",
        },
        "metadata": {
            "type": "object",
            "description": "any JSON object, kept with the document; up to 64 KiB",
        },
        "password": {
            "type": "string",
            "format": "password",
            "description": "opens an encrypted file; used for that alone, not stored and not logged; "
            "up to 1 KiB",
        },
    },
}


def _query_body() -> dict[str, Any]:
    # From the type that decodes it: the framework sees only that the handler takes the raw request.
    return _whole_schema(QueryRequest)


def _whole_schema(body: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a body, with those of its parts in their places."""
    [_], components = msgspec.json.schema_components([body])

    def whole(schema: Any) -> Any:
        if isinstance(schema, dict):
            if isinstance(reference := schema.get("$ref"), str):
                rest = {name: value for name, value in schema.items() if name != "$ref"}
                return whole({**components[reference.rpartition("/")[2]], **rest})
            return {name: whole(value) for name, value in schema.items()}
        return [whole(each) for each in schema] if isinstance(schema, list) else schema

    found: dict[str, Any] = whole(components[body.__name__])
    return found


def _body(media_type: str, schema: dict[str, Any], example: dict[str, Any] | None = None) -> RequestBody:
    described = OpenAPIMediaType(schema=cast("Schema", schema), example=example)
    return RequestBody(content={media_type: described}, required=True)


@dataclass
class QueryOperation(Operation):
    """The operation with the body of a question."""

    def __post_init__(self) -> None:
        example = {"question": "How long is the notice period?", "top_k": 5}
        self.request_body = _body("application/json", _query_body(), example)
        for status, reply in (self.responses or {}).items():
            if status == "200" and isinstance(reply, OpenAPIResponse) and reply.content is not None:
                reply.content["text/event-stream"] = OpenAPIMediaType(
                    schema=Schema(type=OpenAPIType.STRING, description=_EVENTS)
                )


@dataclass
class VerifyOperation(Operation):
    """The operation with the body of citations."""

    def __post_init__(self) -> None:
        self.request_body = _body("application/json", _whole_schema(VerifyRequest))


@dataclass
class RecallOperation(Operation):
    """The operation with the body of a measurement."""

    def __post_init__(self) -> None:
        [_], components = msgspec.json.schema_components([RecallRequest])
        body: dict[str, Any] = components[RecallRequest.__name__]
        self.request_body = _body("application/json", body, {"collection": "default", "questions": 20})


@dataclass
class UploadOperation(Operation):
    """The operation with the form of an upload."""

    def __post_init__(self) -> None:
        self.request_body = _body("multipart/form-data", _UPLOAD)


def problems(*given: Kind | type[CitewellError]) -> dict[int, ResponseSpec]:
    """The replies for these kinds of problems, and for the kinds of these errors, by status.

    Any request may come when there are too many.
    """
    kinds = [kind if isinstance(kind, Kind) else kind_of(kind) for kind in (*given, OVERLOADED)]
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description="; or: ".join(kind.title for kind in kinds if kind.status == status),
            media_type=PROBLEM_MEDIA_TYPE,
            examples=[_example(kind) for kind in kinds if kind.status == status],
        )
        for status in sorted({kind.status for kind in kinds})
    }


def _example(kind: Kind) -> Example:
    value = Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=kind.advice or f"{kind.title}.",
        instance="/api/v1/…",
        request_id="0199c1f07d6e7c3a9b572f6f3c1f9a10",
    )
    return Example(summary=kind.name, value=msgspec.to_builtins(value))
