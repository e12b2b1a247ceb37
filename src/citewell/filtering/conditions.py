"""A filter as a tree of conditions, and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

__all__ = [
    "MAX_CONDITIONS",
    "MAX_DEPTH",
    "MAX_KEY_CHARACTERS",
    "MAX_LIST_VALUES",
    "MAX_NUMBER",
    "MAX_TEXT_CHARACTERS",
    "AllOf",
    "AnyOf",
    "Comparison",
    "Condition",
    "Filter",
    "Not",
    "Op",
    "Scalar",
]

#: How deep `and`, `or` and `not` may nest.
MAX_DEPTH: Final = 8
#: How many comparisons a filter may have.
MAX_CONDITIONS: Final = 64
#: How many values `in` and `nin` may list.
MAX_LIST_VALUES: Final = 1_000
#: The longest key, dots included. Longer ones of a document cannot be asked for.
MAX_KEY_CHARACTERS: Final = 256
#: The longest text to compare with. Those of documents may be longer.
MAX_TEXT_CHARACTERS: Final = 256
#: Numbers are smaller than this, and greater than its negative. Others of a document cannot be asked for.
MAX_NUMBER: Final = 10**400

Scalar: TypeAlias = str | int | float | bool


class Op(StrEnum):
    """How a value of a document is compared with those that a filter names."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NIN = "nin"

    @property
    def takes_list(self) -> bool:
        return self in (Op.IN, Op.NIN)

    @property
    def is_order(self) -> bool:
        return self in (Op.GT, Op.GTE, Op.LT, Op.LTE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is said of one value. op: neither `ne` nor `nin`. values: one, or any number for `in`."""

    op: Op
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """Matches where one value under the key is as all the comparisons say."""

    key: str
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Matches what each part matches."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Matches what one of the parts matches."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Matches what the part does not match."""

    part: Filter


Filter: TypeAlias = Condition | AllOf | AnyOf | Not
