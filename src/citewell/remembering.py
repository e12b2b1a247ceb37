"""Remembering what a function gave for short strings, such as words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

__all__ = ["Remembered"]

_Value = TypeVar("_Value")

#: Longer ones are no words, and would make the memory as large as whoever writes them likes.
_LONGEST: Final = 64


class Remembered(dict[str, _Value], Generic[_Value]):
    """`remembered[word]` is `function(word)`, computed once for as long as no `most` others came between.

    longest: in characters; what is longer is computed each time.
    Most words of a text were in the text before it, and a look-up in a dict costs less than any call. For any
    thread, if the function is.
    """

    def __init__(
        self, function: Callable[[str], _Value], *, most: int = 1 << 15, longest: int = _LONGEST
    ) -> None:
        super().__init__()
        self._function = function
        self._most = most
        self._longest = longest

    def __missing__(self, word: str) -> _Value:
        value = self._function(word)
        if len(word) <= self._longest:
            if len(self) >= self._most:
                self.clear()
            self[word] = value
        return value
