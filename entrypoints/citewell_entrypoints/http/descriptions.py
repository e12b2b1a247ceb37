"""What the API's description says besides what the handlers' types say."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

import msgspec
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema

from citewell.model import DEFAULT_COLLECTION
from citewell_entrypoints.http.problems import PROBLEM_MEDIA_TYPE, Problem
from citewell_entrypoints.http.schemas import QueryRequest

__all__ = ["QueryOperation", "UploadOperation", "problems"]

_UPLOAD: Final = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "the document: PDF, text or Markdown"},
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
    },
}


def _query_body() -> dict[str, Any]:
    # From the type that decodes it: the framework sees only that the handler takes the raw request.
    [_], components = msgspec.json.schema_components([QueryRequest])
    body: dict[str, Any] = components[QueryRequest.__name__]
    return body


def _body(media_type: str, schema: dict[str, Any], example: dict[str, Any] | None = None) -> RequestBody:
    described = OpenAPIMediaType(schema=cast("Schema", schema), example=example)
    return RequestBody(content={media_type: described}, required=True)


@dataclass
class QueryOperation(Operation):
    """The operation with the body of a question."""

    def __post_init__(self) -> None:
        example = {"question": "How long is the notice period?", "top_k": 5}
        self.request_body = _body("application/json", _query_body(), example)


@dataclass
class UploadOperation(Operation):
    """The operation with the form of an upload."""

    def __post_init__(self) -> None:
        self.request_body = _body("multipart/form-data", _UPLOAD)


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The replies of these statuses, all of one shape."""
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=HTTPStatus(status).phrase,
            media_type=PROBLEM_MEDIA_TYPE,
        )
        for status in statuses
    }
