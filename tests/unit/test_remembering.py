"""What was computed for a word is kept, within bounds."""

from __future__ import annotations

from citewell.remembering import Remembered


def test_a_word_is_computed_once() -> None:
    """As long as there is room."""
    asked: list[str] = []

    def length(word: str) -> int:
        asked.append(word)
        return len(word)

    remembered = Remembered(length, most=2)
    assert [remembered[word] for word in ("a", "bb", "a", "bb")] == [1, 2, 1, 2]
    assert asked == ["a", "bb"]
    assert remembered["ccc"] == 3
    assert len(remembered) == 1


def test_what_is_no_word_is_not_kept() -> None:
    """A text without spaces may be as long as its writer likes."""
    remembered = Remembered(len)
    assert remembered["x" * 1_000] == 1_000
    assert not remembered
