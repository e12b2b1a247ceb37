"""A cache that forgets what was not asked for lately."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

__all__ = ["BoundedCache"]

_MAX_ITEMS: Final = 256

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Holds up to `max_items` values; the one that was longest not asked for goes first."""

    def __init__(self, *, max_items: int = _MAX_ITEMS) -> None:
        self._max_items = max_items
        self._items: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value under the key, made if it is not there."""
        if key in self._items:
            self._items.move_to_end(key)
            return self._items[key]
        value = self._items[key] = make()
        if len(self._items) > self._max_items:
            self._items.popitem(last=False)
        return value

    def __len__(self) -> int:
        return len(self._items)
