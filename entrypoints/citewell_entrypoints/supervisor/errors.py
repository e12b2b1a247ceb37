"""What can keep Citewell from starting, each told in one line that says what to do."""

from __future__ import annotations

from citewell.errors import CitewellError

__all__ = ["EngineFailed", "PartFailed", "StartRefused", "SupervisorError"]


class SupervisorError(CitewellError):
    """Citewell cannot run here."""


class StartRefused(SupervisorError):
    """Something must be changed before Citewell can start; nothing was started or altered."""


class EngineFailed(SupervisorError):
    """An engine did not start; the message ends with the last lines of its log."""


class PartFailed(SupervisorError):
    """A part ended while starting, or again and again."""
