"""The key of a result: all that decides on it."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from citewell.filtering import AllOf, AnyOf, Comparison, Condition, Filter, Not
from citewell.model import Asked, Mode, Scope, ScopeVersion

__all__ = ["result_key"]


def result_key(asked: Asked, version: ScopeVersion, *, fingerprint: str) -> str:
    """64 hexadecimal digits, the same for questions that differ in nothing that matters.

    White space around the question, the order of documents, and that of parts of a filter do not. A search by
    vectors alone is over when its documents change; one by words when what they are counted over does.
    fingerprint: of the settings that decide on replies besides the question.
    """
    options = asked.options
    parts = (
        fingerprint,
        version.documents if options.mode is Mode.DENSE else version.counts,
        asked.question.strip(),
        _scope(asked.scope),
        asked.top_k,
        options,
        asked.form,
    )
    # Of values of the core alone, whose repr tells all of them apart: 1, 1.0, True and "1" too.
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()


def _scope(scope: Scope) -> tuple[Any, ...]:
    ids = scope.document_ids
    return (
        scope.collection,
        None if ids is None else sorted({str(document_id) for document_id in ids}),
        None if scope.filter is None else _canonical(scope.filter),
    )


def _canonical(condition: Filter) -> tuple[Any, ...]:
    """The same for filters that differ in the order of their parts alone."""
    match condition:
        case Condition(key, comparisons):
            return ("is", key, _sorted(map(_comparison, comparisons)))
        case AllOf(parts):
            return ("and", _sorted(map(_canonical, parts)))
        case AnyOf(parts):
            return ("or", _sorted(map(_canonical, parts)))
        case Not(part):
            return ("not", _canonical(part))


def _comparison(comparison: Comparison) -> tuple[Any, ...]:
    return (comparison.op.value, _sorted(comparison.values))


def _sorted(parts: Any) -> list[str]:
    return sorted(map(repr, parts))
