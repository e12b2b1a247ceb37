"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "State", "fail", "ok", "warn"]


class State(StrEnum):
    """How good it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. mend: what to do about it, empty if nothing is wrong."""

    name: str
    state: State
    detail: str
    mend: str = ""


def ok(name: str, detail: str) -> Finding:
    """All is well."""
    return Finding(name, State.OK, detail)


def warn(name: str, detail: str, *, mend: str) -> Finding:
    """It works, and may soon not."""
    return Finding(name, State.WARN, detail, mend)


def fail(name: str, detail: str, *, mend: str) -> Finding:
    """It does not work."""
    return Finding(name, State.FAIL, detail, mend)
