"""Filters are read with clear errors, and mean what they say."""

from __future__ import annotations

from typing import Any

import pytest

from citewell.errors import InvalidInput
from citewell.filtering import AllOf, AnyOf, Comparison, Condition, Not, Op, matches, parse_filter


def equal(key: str, value: Any) -> Condition:
    return Condition(key, (Comparison(Op.EQ, (value,)),))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"lang": "en"}, equal("lang", "en")),
        ({"lang": {"eq": "en"}}, equal("lang", "en")),
        ({"lang": {"ne": "en"}}, Not(equal("lang", "en"))),
        ({"lang": {"nin": ["en"]}}, Not(Condition("lang", (Comparison(Op.IN, ("en",)),)))),
        (
            {"year": {"gte": 2020, "lt": 2024}},
            Condition("year", (Comparison(Op.GTE, (2020,)), Comparison(Op.LT, (2024,)))),
        ),
        ({"a": 1, "b": 2}, AllOf((equal("a", 1), equal("b", 2)))),
        ({"or": [{"a": 1}, {"b": 2}]}, AnyOf((equal("a", 1), equal("b", 2)))),
        ({"and": [{"a": 1}]}, equal("a", 1)),
        ({"not": {"a": True}}, Not(equal("a", True))),
        ({".not": "a", "..b": 1}, AllOf((equal("not", "a"), equal(".b", 1)))),
    ],
    ids=str,
)
def test_a_filter_is_read_from_json(given: Any, expected: object) -> None:
    """Several keys are and-ed; a value alone is short for `eq`; a dot at the beginning is dropped."""
    assert parse_filter(given) == expected


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({}, "filter: is empty"),
        ([], "filter: has to be an object, not a list"),
        (None, "filter: has to be an object, not null"),
        ({"and": [{"a": 1}, {"year": {"gte": None}}]}, r"filter\.and\[1\]\.year\.gte: is null"),
        ({"and": []}, r"filter\.and: has to list 1 to 64 filters"),
        ({"or": {"eq": 1}}, r'filter\.or: has to be a list .*written "\.or"'),
        ({"not": "x"}, r"filter\.not: has to be an object, not a text"),
        ({"a": {}}, r"filter\.a: names no operator"),
        ({"a": {"b": {"c": 1}}}, r'filter\.a\.b: is no operator; .*"a\.b"'),
        ({"a": [1]}, r"filter\.a: is a list; write"),
        ({"a": {"eq": {}}}, r"filter\.a\.eq: has to be a text, a number, true or false, not an object"),
        ({"a": {"in": "x"}}, r"filter\.a\.in: has to be a list of values"),
        ({"a": {"in": [1, None]}}, r"filter\.a\.in\[1\]: is null"),
        ({"a": {"in": [1] * 1_001}}, r"filter\.a\.in: lists 1001 values"),
        ({"a": {"gt": True}}, r"filter\.a\.gt: true and false have no order"),
        ({"a": float("nan")}, r"filter\.a: is not a number"),
        ({"a": 10**400}, r"filter\.a: is not a number"),
        ({"a": "x" * 257}, r"filter\.a: is longer than 256"),
        ({"a" * 257: 1}, r"a key has to have 1 to 256"),
        ({"": 1}, r"filter\.: a key has to have"),
        ({".": 1}, r"filter\.\.: a key has to have"),
        ({"a\0": 1}, "contains a character that no text has"),
        ({"a": "\ud800"}, "contains a character that no text has"),
        ({str(n): 1 for n in range(65)}, "filter: has more than 64 conditions"),
        ({"and": [{"a": {"in": [1]}, "b": {"gt": 1, "lt": 2}}] * 30}, "filter: has more than 64 conditions"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_filter_is_refused_with_its_place(given: Any, place: str) -> None:
    """InvalidInput that names the place."""
    with pytest.raises(InvalidInput, match=place):
        parse_filter(given)


def test_nesting_has_a_limit() -> None:
    """Eight levels, and no more."""
    given: dict[str, Any] = {"a": 1}
    for _ in range(7):
        given = {"not": given}
    parse_filter(given)
    with pytest.raises(InvalidInput, match="nested more than 8 deep"):
        parse_filter({"not": given})


DOCUMENT = {
    "year": 2021,
    "price": 9.5,
    "lang": "en",
    "draft": False,
    "tags": ["a", "b", 7],
    "years": [2010, 2030],
    "author": {"name": "Ann", "born": None},
    "editors": [{"name": "Bo"}, {"name": "Cy"}],
    "published": "2024-05-01",
    "empty": [],
    "and": "x",
    "a.b": 1,
    "huge": 10**23,
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"year": 2021}, True),
        ({"year": 2021.0}, True),
        ({"year": "2021"}, False),
        ({"year": {"gte": 2021, "lt": 2022}}, True),
        ({"year": {"gt": 2021}}, False),
        ({"year": {"gt": "2000"}}, False),
        ({"price": {"lte": 9.5, "gt": 9}}, True),
        ({"lang": {"in": ["de", "en"]}}, True),
        ({"lang": {"nin": ["de", "en"]}}, False),
        ({"lang": {"in": []}}, False),
        ({"lang": {"nin": []}}, True),
        ({"lang": {"ne": "de"}}, True),
        ({"lang": {"gt": "EN"}}, True),
        ({"draft": False}, True),
        ({"draft": 0}, False),
        ({"draft": {"ne": True}}, True),
        ({"draft": {"in": [True, False]}}, True),
        ({"tags": "a"}, True),
        ({"tags": {"gte": 7}}, True),
        ({"tags": {"ne": "a"}}, False),
        ({"tags": {"ne": "c"}}, True),
        ({"years": {"gt": 2015, "lt": 2025}}, False),
        ({"and": [{"years": {"gt": 2015}}, {"years": {"lt": 2025}}]}, True),
        ({"author.name": "Ann"}, True),
        ({"author": "Ann"}, False),
        ({"editors.name": {"in": ["Cy"]}}, True),
        ({"published": {"gte": "2024-01-01", "lt": "2024-06"}}, True),
        ({"missing": 1}, False),
        ({"missing": {"lt": 1}}, False),
        ({"missing": {"ne": 1}}, True),
        ({"missing": {"nin": [1]}}, True),
        ({"author.born": {"ne": 1}}, True),
        ({"empty": {"ne": 1}}, True),
        ({"not": {"missing": {"lt": 1}}}, True),
        ({"or": [{"lang": "de"}, {"not": {"year": {"lt": 2000}}}]}, True),
        ({".and": "x"}, True),
        ({"a.b": 1}, True),
        ({"huge": 1e23}, True),
        ({"huge": {"gt": 1e22}}, True),
    ],
    ids=str,
)
def test_a_filter_matches(given: Any, expected: bool) -> None:
    """Any value under the key; `ne` and `nin` where none is equal; types do not mix."""
    assert matches(parse_filter(given), DOCUMENT) is expected
