"""The fields of an upload's form besides its file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from citewell.model import checked_collection
from citewell_entrypoints.http.multipart import Part
from citewell_entrypoints.http.problems import INVALID_REQUEST, FieldError, HttpProblem

__all__ = ["MAX_FIELD_BYTES", "MAX_PASSWORD_BYTES", "UploadFields", "refused"]

MAX_FIELD_BYTES: Final = 65_536
MAX_PASSWORD_BYTES: Final = 1_024
_MAX_DEPTH: Final = 32

_metadata_decoder: Final = msgspec.json.Decoder(dict[str, Any])


@dataclass(slots=True)
class UploadFields:
    """What has come of the form so far; None: the field has not."""

    collection: str | None = None
    metadata: Mapping[str, Any] | None = None
    #: Not to be seen in any log.
    password: str | None = field(default=None, repr=False)

    async def take(self, part: Part) -> None:
        """Read a part. Raises HttpProblem or InvalidInput if it is not as it should be."""
        if part.name not in ("collection", "metadata", "password"):
            known = "`file`, `collection`, `metadata` and `password`"
            raise refused(part.name[:100], f"is not known; the fields are {known}")
        if getattr(self, part.name) is not None:
            raise refused(part.name, "is given more than once")
        if part.name == "collection":
            self.collection = checked_collection(await _text(part))
        elif part.name == "metadata":
            self.metadata = _metadata(await _text(part))
        else:
            self.password = await _text(part, max_bytes=MAX_PASSWORD_BYTES)
            if "\0" in self.password:
                raise refused("password", "contains a NUL character")


def refused(name: str, message: str) -> HttpProblem:
    """The problem that a field of the form is."""
    error = FieldError(source="form", field=name, message=message)
    return HttpProblem(INVALID_REQUEST, f"`{name}`: {message}.", errors=[error])


async def _text(part: Part, *, max_bytes: int = MAX_FIELD_BYTES) -> str:
    content = await _content(part.body, name=part.name, max_bytes=max_bytes)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise refused(part.name, "is not UTF-8") from None


async def _content(body: AsyncIterator[bytes], *, name: str, max_bytes: int) -> bytearray:
    collected = bytearray()
    async for piece in body:
        collected += piece
        if len(collected) > max_bytes:
            raise refused(name, f"is longer than {max_bytes} bytes")
    return collected


def _metadata(text: str) -> Mapping[str, Any]:
    try:
        metadata = _metadata_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refused("metadata", f"is not a JSON object: {error}") from None
    _check_value(metadata, depth=1)
    return metadata


def _check_value(value: object, *, depth: int) -> None:
    """Refuses what a database does not take: a NUL character anywhere, and bottomless nesting."""
    if depth > _MAX_DEPTH:
        raise refused("metadata", f"is nested more than {_MAX_DEPTH} deep")
    if isinstance(value, str) and "\0" in value:
        raise refused("metadata", "contains a NUL character")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_value(key, depth=depth)
            _check_value(inner, depth=depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_value(inner, depth=depth + 1)
