"""The id under which a request is found in replies, logs and jobs."""

from __future__ import annotations

import re
from typing import Final

import uuid_utils
from litestar.types import Scope

__all__ = ["HEADER", "accepted_or_new", "request_id_of", "set_request_id"]

HEADER: Final = b"x-request-id"

_KEY: Final = "citewell.request_id"
_ACCEPTED: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def accepted_or_new(given: bytes | None) -> str:
    """The caller's id if it is 1-128 letters, digits, `.`, `_` or `-`; else a new one."""
    if given is not None and _ACCEPTED.fullmatch(given):
        return given.decode("ascii")
    return uuid_utils.uuid7().hex


def set_request_id(scope: Scope, request_id: str) -> None:
    """Let `request_id_of` find it."""
    scope[_KEY] = request_id  # type: ignore[typeddict-unknown-key]


def request_id_of(scope: Scope) -> str:
    """The id of the request, empty if it came past the middleware."""
    return str(scope.get(_KEY, ""))
