"""Where a passage ends that begins at a given place.

All of it depends on the text from that place on, never on what stands before it: that is why a text can be
cut anew from the start of any passage. And a cut that is not the text's end depends on no character past the
first one that did not fit: that is why appended text changes the last passage alone.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

from citewell.chunking.breaks import Break, Strength, breaks, last_mark, word_ends, word_starts
from citewell.chunking.characters import between_characters
from citewell.chunking.headings import HeadingPlaces
from citewell.ports import TokenCounter

__all__ = ["Cut", "Cutter", "Limits"]

# How full a passage must be, as a share of what it may hold, to end at a place of this strength. A place that
# ends it too early would leave many small passages, or a heading without its text.
_LEAST_FILL: Final = {
    Strength.HEADING: 0.25,
    Strength.PARAGRAPH: 0.5,
    Strength.SENTENCE: 0.25,
    Strength.ITEM: 0.25,
    Strength.PART: 0.25,
    Strength.LINE: 0.25,
}
_BY_STRENGTH: Final = sorted(_LEAST_FILL.keys() - {Strength.HEADING}, reverse=True)
#: So many of the last places for an overlap are tried from the end on, before the rest is searched.
_LOOKED_AT: Final = 4
_MARK: Final = re.compile(r"\S")
_UNDERLINES: Final = "=-_*~#"
_UNDERLINE: Final = re.compile(rf"[{re.escape(_UNDERLINES)}]+")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a passage may hold, and what it may repeat of the one before."""

    tokens: int
    characters: int
    overlap_tokens: int
    overlap_characters: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A passage from `start` to `end`; what is not in it yet begins at `resume`.

    pieces: where the lines and sentences in it begin, each with the strength of the break before it, without
    the first one. floor: where its last heading begins, else its start; no overlap reaches back so far.
    """

    start: int
    end: int
    resume: int
    strength: Strength
    pieces: tuple[tuple[int, Strength], ...]
    floor: int

    @property
    def is_within_sentence(self) -> bool:
        """Whether the passage ends where no sentence does."""
        return self.strength < Strength.PART


class _Candidate(NamedTuple):
    end: int
    resume: int
    strength: Strength
    fill: float


class Cutter:
    """Cuts passages out of one text.

    headings: where they begin, in order, and how far their titles reach; see HeadingPlaces.
    """

    def __init__(
        self,
        text: str,
        *,
        headings: HeadingPlaces,
        limits: Limits,
        count_tokens: TokenCounter,
        joint: int,
    ) -> None:
        self._text = text
        self._end = last_mark(text, len(text))
        self._headings = headings
        self._limits = limits
        self._count = count_tokens
        self._joint = joint
        self._costs: dict[tuple[int, int], int] = {}

    def cut(self, start: int) -> Cut:
        """The passage that begins at `start`, the place of a mark."""
        window = self._window(start)
        candidates, overflow = self._candidates(window, start)
        best = _choose(candidates)
        if best is not None and self._count(window[: best.end]) > self._limits.tokens:
            # Together the pieces cost more than one by one.
            fitting = bisect_right(
                candidates,
                self._limits.tokens,
                hi=candidates.index(best),
                key=lambda candidate: self._count(window[: candidate.end]),
            )
            candidates = candidates[:fitting]
            best = _choose(candidates)
        if best is not None:
            return self._made(start, best.end, best.resume, best.strength, candidates)
        end = self._end_within_sentence(window, overflow)
        if start + end >= self._end:
            return self._made(start, end, end, Strength.END, candidates)
        return self._made(start, end, _next_mark(window, end), Strength.WORD, candidates)

    def next(self, cut: Cut) -> Cut:
        """The passage after `cut`, which is not the last."""
        begin = self._overlap_start(cut)
        if begin is None:
            return self.cut(cut.resume)
        overlapping = self.cut(begin)
        if overlapping.end > cut.end and (overlapping.strength > Strength.WORD or cut.is_within_sentence):
            return overlapping
        plain = self.cut(cut.resume)
        # The repeated text must not cost a sentence its wholeness, nor stop the passages from going on.
        return plain if overlapping.end <= cut.end or plain.strength > Strength.WORD else overlapping

    def _window(self, start: int) -> str:
        """The text from `start` to one mark further than a passage may reach."""
        limit = start + self._limits.characters
        if limit >= self._end:
            return self._text[start : self._end]
        return self._text[start : _next_mark(self._text, limit) + 1]

    def _candidates(self, window: str, start: int) -> tuple[list[_Candidate], int]:
        """Where the passage may end, and the end of the first piece that does not fit or need not."""
        most_tokens, most_characters = self._limits.tokens, self._limits.characters
        count, known, joint, headings = self._count, self._costs, self._joint, self._headings
        tokens = begin = 0
        candidates: list[_Candidate] = []
        costs: dict[tuple[int, int], int] = {}
        title_end = headings.title_end_at_start(start) - start
        titles = headings.title_ends
        for end, resume, strength in self._places(window, start):
            if end > most_characters:
                break
            key = (start + begin, start + end)
            cost = costs[key] = known.get(key) or count(window[begin:end])
            if begin and joint:
                cost = max(0, cost - joint)
            tokens += cost
            if tokens > most_tokens:
                break
            by_tokens, by_characters = tokens / most_tokens, end / most_characters
            fill = max(by_characters, by_tokens)
            if titles and begin and (title := titles.get(start + begin)):
                title_end = max(title_end, title - start)
            if strength is not Strength.END and (
                begin < title_end
                or (window[begin] in _UNDERLINES and _UNDERLINE.fullmatch(window, begin, end))
            ):
                strength = Strength.WORD  # a heading does not end a passage: it belongs to what follows
            candidates.append(_Candidate(end, resume, strength, fill))
            if strength is Strength.HEADING and fill >= _LEAST_FILL[strength]:
                break
            begin = resume
        else:
            end = len(window)
        self._costs = costs
        return candidates, end

    def _places(self, window: str, start: int) -> Iterator[Break]:
        """The breaks of the window with the headings among them, and its end if that is the text's."""
        begins = self._headings.between(start, start + len(window))
        places = _among(window, [begin - start for begin in begins]) if begins else breaks(window)
        if start + len(window) == self._end:
            return chain(places, [Break(len(window), len(window), Strength.END)])
        return places

    def _end_within_sentence(self, window: str, overflow: int) -> int:
        """The last end of a word that fits, or of a character where no word does."""
        limit = min(overflow, self._limits.characters)
        ends = word_ends(window, up_to=limit)
        if overflow == limit and (not ends or ends[-1] < overflow):
            ends.append(overflow)

        def cost(end: int) -> int:
            return self._count(window[:end])

        fitting = bisect_right(ends, self._limits.tokens, key=cost)
        if fitting:
            return ends[fitting - 1]
        longest = ends[0] if ends else limit
        fitting = bisect_right(range(1, longest + 1), self._limits.tokens, key=cost)
        return between_characters(window, max(1, fitting))

    def _made(
        self, start: int, end: int, resume: int, strength: Strength, candidates: Sequence[_Candidate]
    ) -> Cut:
        inside = [candidate for candidate in candidates if candidate.resume < end]
        floor = max((piece.resume for piece in inside if piece.strength is Strength.HEADING), default=0)
        pieces = tuple((start + piece.resume, piece.strength) for piece in inside if piece.resume > floor)
        return Cut(start, start + end, start + resume, strength, pieces, start + floor)

    def _overlap_start(self, cut: Cut) -> int | None:
        """Where the passage after `cut` begins if it repeats its end; None if it repeats nothing."""
        if not self._limits.overlap_tokens or cut.strength is Strength.HEADING:
            return None
        earliest = max(cut.floor, cut.end - self._limits.overlap_characters)
        sentences = [start for start, before in cut.pieces if before >= Strength.PART and start > earliest]
        begin = self._first_affordable(sentences, cut.end)
        if begin is not None or not cut.is_within_sentence:
            # A whole sentence stands by itself: half of it, repeated, found no more and cost more passages.
            return begin
        lines = [start for start, _ in cut.pieces if start > earliest]
        if (begin := self._first_affordable(lines, cut.end)) is not None:
            return begin
        piece = self._text[cut.start : cut.end]
        words = word_starts(piece, after=earliest - cut.start, before=len(piece))
        return self._first_affordable([cut.start + word for word in words], cut.end)

    def _first_affordable(self, starts: Sequence[int], end: int) -> int | None:
        """The first of the places from which to repeat the text up to `end`."""

        def less(start: int) -> int:
            return -self._count(self._text[start:end])

        # Few are affordable and the last ones cost least to count, so those are looked at one by one.
        first = len(starts)
        least = max(0, first - _LOOKED_AT)
        while first > least and less(starts[first - 1]) >= -self._limits.overlap_tokens:
            first -= 1
        if first == least:
            first = bisect_left(starts, -self._limits.overlap_tokens, 0, first, key=less)
        return starts[first] if first < len(starts) else None


def _among(window: str, headings: Sequence[int]) -> Iterator[Break]:
    """The breaks of the window with those before the headings that begin there."""
    ahead = iter(headings)
    heading = next(ahead, None)
    for place in breaks(window):
        while heading is not None and heading < place.resume:
            yield Break(last_mark(window, heading), heading, Strength.HEADING)
            heading = next(ahead, None)
        if heading == place.resume:
            yield Break(place.end, place.resume, Strength.HEADING)
            heading = next(ahead, None)
        else:
            yield place
    while heading is not None:
        yield Break(last_mark(window, heading), heading, Strength.HEADING)
        heading = next(ahead, None)


def _choose(candidates: Sequence[_Candidate]) -> _Candidate | None:
    """The best place, None if all come too early."""
    if not candidates:
        return None
    last = candidates[-1]
    if last.strength is Strength.END:
        return last
    if last.strength is Strength.HEADING and last.fill >= _LEAST_FILL[Strength.HEADING]:
        return last
    for strength in _BY_STRENGTH:
        for candidate in reversed(candidates):
            if candidate.fill < _LEAST_FILL[strength]:
                break
            if candidate.strength >= strength:
                return candidate
    return None


def _next_mark(text: str, position: int) -> int:
    """The first place at or behind `position` that is not white space, else the end."""
    found = _MARK.search(text, position)
    return found.start() if found else len(text)
