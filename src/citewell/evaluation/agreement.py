"""How much of what an exact search finds an index finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["recall_of_index"]

#: Similarities of one chunk by two ways of computing differ by less.
_SLACK: Final = 1e-6


def recall_of_index(found: Sequence[float], exact: Sequence[float]) -> float:
    """The share of the k nearest that was found, in [0, 1]; 1 if there is nothing to find.

    found, exact: the similarities of the k best by the index and by an exact search. One that is as good as
    the last of the exact ones counts, whichever of equals it is.
    """
    if not exact:
        return 1.0
    least = min(exact) - _SLACK
    return min(1.0, sum(similarity >= least for similarity in found) / len(exact))
