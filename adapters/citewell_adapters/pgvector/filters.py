"""Filters as SQL: whether a document matches, and where the documents that may match are found.

Keys and values are parameters; the text holds only the shape of a filter, its operators and the types of its
values. So filters of one shape share a statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, LiteralString, TypeAlias

from citewell.filtering import AllOf, AnyOf, Comparison, Condition, Filter, Not, Op, Scalar

__all__ = ["CompiledFilter", "Source", "compile_filter"]

_OPERATORS: Final[dict[Op, LiteralString]] = {
    Op.EQ: "=",
    Op.GT: ">",
    Op.GTE: ">=",
    Op.LT: "<",
    Op.LTE: "<=",
}

_COLUMNS: Final[dict[LiteralString, LiteralString]] = {
    "number": "numeric",
    "string": "text",
    "truth": "boolean",
}

# document_values_document. OFFSET 0 keeps PostgreSQL from reading all documents with the value instead.
_HAS_VALUE: Final = (
    "EXISTS (SELECT FROM document_values AS held WHERE held.document_id = {document} AND {test} OFFSET 0)"
)

# document_values_number, document_values_string, document_values_truth
_WITH_VALUE: Final = (
    "SELECT held.document_id FROM document_values AS held "
    "WHERE held.collection_id = c.id AND held.{column} IS NOT NULL AND {test}"
)

#: Of the sources of a filter so many are looked at.
_MAX_SOURCES: Final = 4


@dataclass(frozen=True, slots=True)
class Source:
    """Documents of the collection `c` among which all are that match. exact: and no others."""

    query: LiteralString
    exact: bool


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """A filter as SQL. sources: from each of them all matching documents can be had; the likely fewest first.

    There is none where every document without some value matches.
    """

    predicate: LiteralString
    sources: tuple[Source, ...]
    parameters: dict[str, object]

    def matches(self, document: LiteralString) -> LiteralString:
        """That the document of this id matches."""
        return self.predicate.replace("{document}", document)


@dataclass(frozen=True, slots=True)
class _Test:
    """A condition on a value `held`: as a whole, and for each column that its first comparison reads."""

    whole: LiteralString
    by_column: tuple[tuple[LiteralString, LiteralString], ...]
    is_order: bool


@dataclass(frozen=True, slots=True)
class _All:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Any:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _None:
    test: _Test


_Node: TypeAlias = _Test | _All | _Any | _None


def compile_filter(condition: Filter) -> CompiledFilter:
    """The filter as SQL."""
    compiler = _Compiler()
    node = compiler.node(condition, wanted=True)
    return CompiledFilter(_predicate(node), _sources(node), compiler.parameters)


@dataclass(slots=True)
class _Compiler:
    """Gives each key and value its parameter."""

    parameters: dict[str, object] = field(default_factory=dict)

    def node(self, condition: Filter, *, wanted: bool) -> _Node:
        """The condition, or its negation, with `not` nowhere but at the tests."""
        match condition:
            case Not(part):
                return self.node(part, wanted=not wanted)
            case AllOf(parts) | AnyOf(parts):
                inner = tuple(self.node(part, wanted=wanted) for part in parts)
                return _All(inner) if isinstance(condition, AllOf) is wanted else _Any(inner)
            case Condition():
                test = self._test(condition)
                return test if wanted else _None(test)

    def _test(self, condition: Condition) -> _Test:
        key = f"held.key = {self._add(condition.key)}::text"
        first, *others = (self._columns(comparison) for comparison in condition.comparisons)
        rest = "".join(f" AND {_either(columns)}" for columns in others)
        return _Test(
            whole=_literal(f"{key} AND {_either(first)}{rest}"),
            by_column=tuple((column, _literal(f"{key} AND {test}{rest}")) for column, test in first),
            is_order=condition.comparisons[0].op.is_order,
        )

    def _columns(self, comparison: Comparison) -> list[tuple[LiteralString, str]]:
        """The comparison for each column that has values of its types."""
        by_column: dict[LiteralString, list[object]] = {}
        for value in comparison.values:
            column, parameter = _column(value)
            by_column.setdefault(column, []).append(parameter)
        if comparison.op is Op.IN:
            return [
                (column, f"held.{column} = ANY({self._add(values)}::{_COLUMNS[column]}[])")
                for column, values in by_column.items()
            ]
        operator = _OPERATORS[comparison.op]
        return [
            (column, f"held.{column} {operator} {self._add(parameter)}::{_COLUMNS[column]}")
            for column, [parameter] in by_column.items()
        ]

    def _add(self, value: object) -> str:
        name = f"f{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"


def _column(value: Scalar) -> tuple[LiteralString, object]:
    if isinstance(value, bool):
        return "truth", value
    if isinstance(value, str):
        return "string", value
    return "number", Decimal(repr(value))


def _either(columns: Sequence[tuple[LiteralString, str]]) -> str:
    return f"({' OR '.join(test for _, test in columns)})" if columns else "false"


def _predicate(node: _Node) -> LiteralString:
    match node:
        case _Test(whole):
            return _HAS_VALUE.replace("{test}", whole)
        case _None(test):
            return "NOT " + _HAS_VALUE.replace("{test}", test.whole)
        case _All(parts):
            return "(" + " AND ".join(map(_predicate, parts)) + ")"
        case _Any(parts):
            return "(" + " OR ".join(map(_predicate, parts)) + ")"


def _sources(node: _Node) -> tuple[Source, ...]:
    found = [source for source in map(_source, _conjuncts(node)) if source is not None]
    found.sort(key=lambda rated: rated[0])
    exact = len(_conjuncts(node)) == 1
    return tuple(Source(query, exact and whole) for _, query, whole in found[:_MAX_SOURCES])


def _conjuncts(node: _Node) -> list[_Node]:
    """What all has to hold."""
    if isinstance(node, _All):
        return [each for part in node.parts for each in _conjuncts(part)]
    return [node]


def _source(node: _Node) -> tuple[bool, LiteralString, bool] | None:
    """Whether it is likely to have many, the query, and whether it gives none but those that match."""
    match node:
        case _None():
            return None
        case _Test(_, by_column, is_order):
            queries: list[LiteralString] = [
                _WITH_VALUE.replace("{column}", column).replace("{test}", test) for column, test in by_column
            ]
            return is_order, " UNION ALL ".join(queries) or _NOTHING, True
        case _Any(parts):
            sources = [_source(part) for part in parts]
            there = [source for source in sources if source is not None]
            if len(there) < len(sources):
                return None
            many, whole = any(many for many, _, _ in there), all(whole for _, _, whole in there)
            united: list[LiteralString] = [query for _, query, _ in there]
            return many, " UNION ALL ".join(united), whole
        case _All(parts):
            inner = [source for source in map(_source, _conjuncts(node)) if source is not None]
            if not inner:
                return None
            many, query, _ = min(inner, key=lambda rated: rated[0])
            return many, query, False


_NOTHING: Final = "SELECT NULL::uuid AS document_id WHERE false"


def _literal(text: str) -> LiteralString:
    """Made of constants and names of parameters alone."""
    return text  # pyright: ignore[reportReturnType]
