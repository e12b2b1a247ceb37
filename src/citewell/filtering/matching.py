"""What a filter means: the reference that every store has to agree with.

A document's metadata is a set of values under keys. Objects in it lead to longer keys, with a dot between;
arrays put each of their elements under the same key; null, an empty array and an empty object are no value.
So `{"author": {"name": "Ann"}, "tags": ["a", "b"]}` has one value under `author.name` and two under `tags`.

A condition holds if one of the values under its key is as all of its comparisons say. `ne` and `nin` hold if
none is as `eq` and `in` would have it, so also where there is no value under the key. Numbers compare with
numbers by their value, texts with texts by their code points (so dates as ISO 8601 writes them compare as
dates), and true and false are equal to themselves; values of different types are neither equal nor in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from operator import eq, ge, gt, le, lt
from typing import Any, Final

from citewell.filtering.conditions import (
    MAX_KEY_CHARACTERS,
    MAX_NUMBER,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Filter,
    Not,
    Op,
    Scalar,
)

__all__ = ["matches", "stored_values"]

_COMPARED: Final[Mapping[Op, Callable[[Any, Any], bool]]] = {
    Op.EQ: eq,
    Op.GT: gt,
    Op.GTE: ge,
    Op.LT: lt,
    Op.LTE: le,
    Op.IN: eq,
}


def matches(condition: Filter, metadata: Mapping[str, Any]) -> bool:
    """Whether the filter lets a document with this metadata through."""
    values: dict[str, list[Scalar]] = {}
    for key, value in stored_values(metadata):
        values.setdefault(key, []).append(value)
    return _matches(condition, values)


def stored_values(metadata: Mapping[str, Any]) -> Iterator[tuple[str, Scalar]]:
    """The keys and values that filters see, some perhaps more than once."""
    for key, value in metadata.items():
        yield from _stored(key, value)


def _stored(key: str, value: object) -> Iterator[tuple[str, Scalar]]:
    if isinstance(value, Mapping):
        for inner, each in value.items():
            yield from _stored(f"{key}.{inner}", each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _stored(key, each)
    elif len(key) <= MAX_KEY_CHARACTERS and (
        isinstance(value, str | bool) or (isinstance(value, int | float) and abs(value) < MAX_NUMBER)
    ):
        yield key, value


def _matches(condition: Filter, values: Mapping[str, list[Scalar]]) -> bool:
    match condition:
        case AllOf(parts):
            return all(_matches(part, values) for part in parts)
        case AnyOf(parts):
            return any(_matches(part, values) for part in parts)
        case Not(part):
            return not _matches(part, values)
        case Condition(key, comparisons):
            return any(
                all(_is_as_said(value, comparison) for comparison in comparisons)
                for value in values.get(key, ())
            )


def _is_as_said(value: Scalar, comparison: Comparison) -> bool:
    compare = _COMPARED[comparison.op]
    return any(
        _kind(value) is _kind(wanted) and compare(_exact(value), _exact(wanted))
        for wanted in comparison.values
    )


def _kind(value: Scalar) -> type:
    """bool is an int to Python, not here."""
    if isinstance(value, bool | str):
        return type(value)
    return float


def _exact(value: Scalar) -> Scalar | Decimal:
    """A number as it is written, so that 1e23 is 10**23."""
    return Decimal(repr(value)) if isinstance(value, float) else value
