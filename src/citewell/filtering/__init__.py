"""Filters over the metadata of documents: what they are, how they are written, and what they mean."""

from __future__ import annotations

from citewell.filtering.conditions import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_KEY_CHARACTERS,
    MAX_LIST_VALUES,
    MAX_NUMBER,
    MAX_TEXT_CHARACTERS,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Filter,
    Not,
    Op,
    Scalar,
)
from citewell.filtering.matching import matches, stored_values
from citewell.filtering.parsing import parse_filter

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
    "matches",
    "parse_filter",
    "stored_values",
]
