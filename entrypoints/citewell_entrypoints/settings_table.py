"""The settings as the README shows them: `python -m citewell_entrypoints.settings_table`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, get_args

from pydantic.fields import FieldInfo

from citewell_entrypoints.settings import PREFIX, Settings

__all__ = ["settings_table"]


def settings_table() -> str:
    """A Markdown table with a row for each setting: name, default, what it is."""
    return "\n".join(["| setting | default | what it is |", "|---|---|---|", *_rows()])


def _rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        yield f"| `{PREFIX}{name.upper()}` | {_default(field)} | {_choices(field)}{field.description} |"


def _default(field: FieldInfo) -> str:
    return "" if field.default is None else f"`{field.default}`"


def _choices(field: FieldInfo) -> str:
    values: tuple[Any, ...] = get_args(field.annotation)
    if not values or not all(isinstance(value, str) for value in values):
        return ""
    return " ∣ ".join(f"`{value}`" for value in values) + ": "


if __name__ == "__main__":
    sys.stdout.write(settings_table() + "\n")
