"""Metadata and filters at random, over few keys and values, so that they often meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["filters", "metadata"]

_NUMBERS = [0, 1, 2, -1, 1.0, 1.5, 2**53, 2**53 + 1, 1e23, 10**23, 1e-300, -1.7e308, 10**399]
_TEXTS = ["", "a", "A", "b", "ab", "é", "z", "😀", "\uffff", "true", "1", "a" * 256, "2024-05-01"]
_KEYS = ["a", "b", "c", "a.b", "a.b.c", "and", ""]

#: Most are of few values, so that several documents match for different reasons.
_few = st.sampled_from([0, 1, 2, "a", "b", True])
_scalars = st.one_of(_few, _few, _few, st.sampled_from([*_NUMBERS, *_TEXTS, True, False]))
_stored = st.one_of(
    _scalars, _scalars, _scalars, st.sampled_from(["a" * 256 + "b", "a" * 300, 10**400, None])
)
_values = st.one_of(
    _few,
    st.recursive(
        _stored,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(_KEYS), inner, max_size=3)
        ),
        max_leaves=6,
    ),
)
metadata: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.one_of(st.sampled_from("abc"), st.sampled_from(_KEYS), st.just("k" * 257)), _values, max_size=4
)

_ordered = st.one_of(st.sampled_from([0, 1, 2, "a"]), st.sampled_from([*_NUMBERS, *_TEXTS]))
_operators = st.fixed_dictionaries(
    {},
    optional={
        "eq": _scalars,
        "ne": _scalars,
        "gt": _ordered,
        "gte": _ordered,
        "lt": _ordered,
        "lte": _ordered,
        "in": st.lists(_scalars, max_size=3),
        "nin": st.lists(_scalars, max_size=3),
    },
).filter(bool)
_keys = st.one_of(st.sampled_from("abc"), st.sampled_from([".a", "b", "a.b", "a.b.c", ".and", "..a"]))
_leaves = st.dictionaries(_keys, st.one_of(_scalars, _operators), min_size=1, max_size=2)
filters: st.SearchStrategy[dict[str, Any]] = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"or": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=5,
)
