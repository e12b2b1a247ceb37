"""The states of `citewell.lifecycle` as SQL: in which of them something may happen."""

from __future__ import annotations

from typing import Final, LiteralString, cast

from citewell.lifecycle import Event, sources

__all__ = ["IN_CANCEL", "IN_CLAIM", "IN_RETRY", "IN_WORK"]


def _list(event: Event) -> LiteralString:
    # The names of the core's own enumeration, no values from outside.
    names = ", ".join(f"'{status.value}'" for status in sources(event))
    return cast("LiteralString", f"({names})")  # type: ignore[redundant-cast] # to mypy every str is literal


IN_CLAIM: Final = _list(Event.CLAIM)
IN_CANCEL: Final = _list(Event.CANCEL)
IN_RETRY: Final = _list(Event.RETRY)
#: Where a lease counts: publishing, failing and giving back all begin here.
IN_WORK: Final = _list(Event.PUBLISH)
