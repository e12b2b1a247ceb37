"""Reading the body of a request: in pieces as they come, or whole as JSON of a known shape."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request
from litestar.types import Receive

from citewell_entrypoints.http.problems import (
    CONTENT_TOO_LARGE,
    INVALID_REQUEST,
    ClientDisconnected,
    FieldError,
    HttpProblem,
)

__all__ = ["MAX_JSON_BYTES", "body_pieces", "declared_length", "read_json"]

T = TypeVar("T")

MAX_JSON_BYTES: Final = 1 << 20

# What msgspec says: a sentence, and a path like ` - at `$.document_ids[3]``.
_PLACE: Final = re.compile(r"^(?P<message>.*?)(?: - at `\$\.?(?P<path>.*?)`)?$", re.DOTALL)
_NAMED_FIELD: Final = re.compile(r"(?:unknown|required) field `(?P<name>.*)`$")


async def body_pieces(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes in; more is taken from the network only as this is read.

    Raises ClientDisconnected if it ends before its end.
    """
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnected
        if body := message.get("body", b""):
            yield body
        if not message.get("more_body", False):
            return


def declared_length(request: Request[Any, Any, Any]) -> int | None:
    """The Content-Length, None if there is none or it is no number."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 20 else None


async def read_json(receive: Receive, decoder: msgspec.json.Decoder[T]) -> T:
    """The body, decoded and checked. Raises HttpProblem if it is too large or not what is expected.

    Raises ClientDisconnected if it ends before its end.
    """
    body = bytearray()
    async for piece in body_pieces(receive):
        body += piece
        if len(body) > MAX_JSON_BYTES:
            raise HttpProblem(
                CONTENT_TOO_LARGE, f"The body is larger than the limit of {MAX_JSON_BYTES} bytes."
            )
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _invalid(_field_error(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HttpProblem(INVALID_REQUEST, f"The body is not JSON: {error}.") from None
    except RecursionError:
        raise HttpProblem(INVALID_REQUEST, "The body is nested too deeply.") from None


def _invalid(error: FieldError) -> HttpProblem:
    where = f"`{error.field}`" if error.field else "The body"
    return HttpProblem(INVALID_REQUEST, f"{where}: {error.message}.", errors=[error])


def _field_error(said: str) -> FieldError:
    place = _PLACE.match(said)
    message, path = (place["message"], place["path"] or "") if place else (said, "")
    if named := _NAMED_FIELD.search(message):
        path = f"{path}.{named['name']}".lstrip(".")
    return FieldError(source="body", field=path[:200], message=message[:400])
