"""What readiness asks of each part."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

__all__ = ["Probe"]

#: Answers with a word on the part's state; raises, with a sentence for people, if the part is not ready.
Probe = Callable[[], Awaitable[str]]
