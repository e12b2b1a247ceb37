"""Reading a filter from JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from citewell.errors import InvalidInput
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

__all__ = ["parse_filter"]

_OPS: Final = ", ".join(Op)
_OPPOSITES: Final = {Op.NE: Op.EQ, Op.NIN: Op.IN}


def parse_filter(given: object) -> Filter:
    """The filter that a JSON value describes. Raises InvalidInput that names the place, like filter.year.gte.

    An object is a condition for each of its keys, and all have to hold. Under `and` and `or` is a list of
    such objects, under `not` one; under any other key is a value, short for `{"eq": value}`, or an object of
    operators, which all have to hold for the same value. A dot leads into an object of the metadata. A dot at
    the beginning is dropped, so that `.and`, `.or` and `.not` name the keys `and`, `or` and `not`.
    """
    parsed = _object(given, "filter", depth=1)
    if _count(parsed) > MAX_CONDITIONS:
        raise InvalidInput(f"filter: has more than {MAX_CONDITIONS} conditions")
    return parsed


def _object(given: object, place: str, *, depth: int) -> Filter:
    if depth > MAX_DEPTH:
        raise InvalidInput(f"{place}: is nested more than {MAX_DEPTH} deep")
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{place}: has to be an object, not {_name(given)}")
    if not given:
        raise InvalidInput(f"{place}: is empty; leave it out, or name a condition")
    if len(given) > MAX_CONDITIONS:
        raise InvalidInput(f"{place}: has more than {MAX_CONDITIONS} conditions")
    return _all([_entry(key, value, place, depth=depth) for key, value in given.items()])


def _entry(key: object, value: Any, place: str, *, depth: int) -> Filter:
    if not isinstance(key, str):
        raise InvalidInput(f"{place}: a key has to be a text, not {_name(key)}")
    inner = f"{place}.{key[:MAX_KEY_CHARACTERS]}"
    if key in ("and", "or"):
        parts = _parts(key, value, inner, depth=depth)
        return _all(parts) if key == "and" else parts[0] if len(parts) == 1 else AnyOf(tuple(parts))
    if key == "not":
        return Not(_object(value, inner, depth=depth + 1))
    return _conditions(key.removeprefix("."), value, inner)


def _parts(key: str, value: Any, place: str, *, depth: int) -> list[Filter]:
    if not isinstance(value, list | tuple):
        raise InvalidInput(
            f"{place}: has to be a list of filters, not {_name(value)}; a metadata key of this name is "
            f'written ".{key}"'
        )
    if not 1 <= len(value) <= MAX_CONDITIONS:
        raise InvalidInput(f"{place}: has to list 1 to {MAX_CONDITIONS} filters, not {len(value)}")
    return [_object(each, f"{place}[{number}]", depth=depth + 1) for number, each in enumerate(value)]


def _conditions(key: str, value: Any, place: str) -> Filter:
    if not key or len(key) > MAX_KEY_CHARACTERS:
        raise InvalidInput(f"{place}: a key has to have 1 to {MAX_KEY_CHARACTERS} characters")
    _check_characters(key, place)
    if not isinstance(value, Mapping):
        if isinstance(value, list | tuple):
            raise InvalidInput(f'{place}: is a list; write {{"in": [...]}} for any of its values')
        return Condition(key, (Comparison(Op.EQ, (_scalar(value, place),)),))
    if not value:
        raise InvalidInput(f"{place}: names no operator; there are {_OPS}")
    there: list[Comparison] = []
    nowhere: list[Filter] = []
    for op, operand in value.items():
        comparison = _comparison(key, op, operand, f"{place}.{op}")
        if (opposite := _OPPOSITES.get(comparison.op)) is None:
            there.append(comparison)
        else:
            nowhere.append(Not(Condition(key, (Comparison(opposite, comparison.values),))))
    return _all([*([Condition(key, tuple(there))] if there else []), *nowhere])


def _comparison(key: str, op: object, operand: Any, place: str) -> Comparison:
    if op not in tuple(Op):
        advice = f'; a key inside an object is written with a dot: "{key}.{op}"'
        raise InvalidInput(f"{place[:600]}: is no operator; there are {_OPS}{advice[:300]}")
    known = Op(str(op))
    if not known.takes_list:
        value = _scalar(operand, place)
        if known.is_order and isinstance(value, bool):
            raise InvalidInput(f"{place}: true and false have no order; compare with eq, ne, in or nin")
        return Comparison(known, (value,))
    if not isinstance(operand, list | tuple):
        raise InvalidInput(f"{place}: has to be a list of values, not {_name(operand)}")
    if len(operand) > MAX_LIST_VALUES:
        raise InvalidInput(f"{place}: lists {len(operand)} values; at most {MAX_LIST_VALUES} are allowed")
    values = [_scalar(each, f"{place}[{number}]") for number, each in enumerate(operand)]
    return Comparison(known, tuple(values))


def _scalar(value: Any, place: str) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT_CHARACTERS:
            raise InvalidInput(f"{place}: is longer than {MAX_TEXT_CHARACTERS} characters")
        _check_characters(value, place)
        return value
    if isinstance(value, int | float):
        if not (math.isfinite(value) if isinstance(value, float) else abs(value) < MAX_NUMBER):
            raise InvalidInput(f"{place}: is not a number that can be compared with")
        return value
    if value is None:
        raise InvalidInput(f"{place}: is null, which no document has as a value; leave it out")
    raise InvalidInput(f"{place}: has to be a text, a number, true or false, not {_name(value)}")


def _check_characters(text: str, place: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput(f"{ascii(place)[1:-1]}: contains a character that no text has")


def _all(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _count(condition: Filter) -> int:
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return sum(map(_count, parts))
        case Not(part):
            return _count(part)
        case Condition(_, comparisons):
            return len(comparisons)


def _name(value: object) -> str:
    """What JSON calls a value of this type."""
    names = ((Mapping, "an object"), (list | tuple, "a list"), (str, "a text"), (bool, "a boolean"))
    for kind, name in names:
        if isinstance(value, kind):
            return name
    return "null" if value is None else "a number"
