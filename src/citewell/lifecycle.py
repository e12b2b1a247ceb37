"""The life of a document: one table of what may happen to it, and what it is after that.

                        ┌──────── give back ───────┐   ┌── claim: the lease before has run out
                        ▼                          │   ▼ │
    submit ──▶ QUEUED ──┴──────── claim ──────▶ PROCESSING ── publish ──▶ READY
                ▲  │                             │      │
                │  └─ cancel ──▶ CANCELLED ◀─────┘      └── fail ──▶ FAILED
                │                    │                                  │
                └────── retry ───────┴──────────────────────────────────┘

Replacing a document's bytes queues it from any state. Deleting it ends everything, so it is not in the table.
Stores refuse what the table does not hold: no other place says which state follows which. docs/ingestion.md
tells what happens within the states.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from citewell.errors import Conflict
from citewell.model import Status

__all__ = ["TRANSITIONS", "Event", "after", "sources", "successor"]


class Event(StrEnum):
    """What happens to a document's job."""

    CLAIM = "claim"
    GIVE_BACK = "give back"
    PUBLISH = "publish"
    FAIL = "fail"
    CANCEL = "cancel"
    RETRY = "retry"
    REPLACE = "replace"


TRANSITIONS: Final[Mapping[tuple[Status, Event], Status]] = MappingProxyType(
    {
        (Status.QUEUED, Event.CLAIM): Status.PROCESSING,
        (Status.PROCESSING, Event.CLAIM): Status.PROCESSING,
        (Status.PROCESSING, Event.GIVE_BACK): Status.QUEUED,
        (Status.PROCESSING, Event.PUBLISH): Status.READY,
        (Status.PROCESSING, Event.FAIL): Status.FAILED,
        (Status.QUEUED, Event.CANCEL): Status.CANCELLED,
        (Status.PROCESSING, Event.CANCEL): Status.CANCELLED,
        (Status.FAILED, Event.RETRY): Status.QUEUED,
        (Status.CANCELLED, Event.RETRY): Status.QUEUED,
        **{(status, Event.REPLACE): Status.QUEUED for status in Status},
    }
)


def after(status: Status, event: Event) -> Status:
    """The state after `event` in state `status`. Raises Conflict if the table does not hold it."""
    found = TRANSITIONS.get((status, event))
    if found is None:
        raise Conflict(f"the document is {status}; {event} is for one that is {_named(event)}")
    return found


def sources(event: Event) -> tuple[Status, ...]:
    """The states in which `event` may happen, in the order of Status."""
    return tuple(status for status in Status if (status, event) in TRANSITIONS)


def successor(event: Event) -> Status:
    """The one state that `event` leads to, whatever the state before."""
    [state] = {TRANSITIONS[status, event] for status in sources(event)}
    return state


def _named(event: Event) -> str:
    return " or ".join(sources(event))
