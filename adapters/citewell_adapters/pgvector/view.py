"""How many of the nearest HNSW keeps in view (`hnsw.ef_search`): it follows the number of vectors.

Of more vectors as much is found with more in view, of fewer with fewer; docs/decisions/0010 has the curves.
"""

from __future__ import annotations

from typing import Final

__all__ = ["SET_VIEW", "VIEW_BY_SIZE", "WHOLE_VIEW", "view_names"]

#: What is set holds to the end of the transaction. To be evaluated before the index is looked at.
SET_VIEW: Final = ", set_config('hnsw.ef_search', ({view})::int::text, true) AS view"

_SHARE: Final = "(pg_relation_size({name}::regclass) / {whole_view_bytes}::float8)"
#: Beyond _WHOLE_VIEW_VECTORS it grows with a power of their number.
WHOLE_VIEW: Final = f"least({{most_view}}, ceil({{whole_view}} * power(greatest(1, {_SHARE}), {{growth}})))"
#: Below it declines, but not under twice as many as are wanted. A filter passes over many of those in view,
#: and signs are rescored: they have the whole of it.
VIEW_BY_SIZE: Final = (
    f"least({WHOLE_VIEW}, greatest({{least_view}}, ceil({{whole_view}} * power({_SHARE}, {{decline}}))))"
)
_WHOLE_VIEW_VECTORS: Final = 100_000
_GROWTH: Final = 0.5
_DECLINE: Final = 2 / 3
_LEAST_VIEW: Final = 64
_MOST_VIEW: Final = 1_000


def view_names(*, whole_view: int, k: int, row_bytes: int) -> dict[str, float]:
    """What stands for the names in these.

    whole_view: of _WHOLE_VIEW_VECTORS vectors. k: how many are wanted. row_bytes: what a vector takes in its
    table.
    """
    return {
        "whole_view": whole_view,
        "least_view": max(_LEAST_VIEW, 2 * k),
        "most_view": _MOST_VIEW,
        "whole_view_bytes": _WHOLE_VIEW_VECTORS * row_bytes,
        "growth": _GROWTH,
        "decline": _DECLINE,
    }
