"""What a language model reads: passages under labels, cut to what it can take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.chunking import approximate_tokens, prefix_within
from citewell.model import Hit, Span

__all__ = ["ContextPassage", "Stretch", "context_of_hits"]

#: A passage of which less than this is left is not worth its place.
_LEAST_TOKENS = 32
#: Tokens for what stands around a passage: label, name, delimiters.
_AROUND_TOKENS = 60


@dataclass(frozen=True, slots=True)
class Stretch:
    """Text of a revision without a gap: `text` begins at the offset `start`."""

    start: int
    text: str

    @property
    def end(self) -> int:
        """The offset past the last character."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class ContextPassage:
    """Text of one revision under one label.

    label: the number of its best source, from 1. sources: the numbers of all hits in it, from 0, the best
    first. stretches: in order, with nothing but white space left out between them.
    """

    label: int
    document_name: str
    sources: tuple[int, ...]
    stretches: tuple[Stretch, ...]

    @property
    def text(self) -> str:
        """What is read."""
        return "\n".join(stretch.text for stretch in self.stretches)

    def exact(self, span: Span) -> str:
        """The revision's text at a span of it that `located` or `shown` gave."""
        for stretch in self.stretches:
            if stretch.start <= span.start and span.end <= stretch.end:
                return stretch.text[span.start - stretch.start : span.end - stretch.start]
        raise ValueError(f"{span} is in no stretch of the passage")

    def shown(self, span: Span) -> Span:
        """What is read of this span of the revision, which begins in one of the stretches."""
        [stretch] = [each for each in self.stretches if each.start <= span.start < each.end]
        return Span(span.start, min(span.end, stretch.end))

    def located(self, within: Span) -> Span:
        """The revision's span of a part of `text`; of a part that lies in two stretches, the longer half."""
        begins, longest = 0, Span(self.stretches[0].start, self.stretches[0].start)
        for stretch in self.stretches:
            start = max(within.start - begins, 0)
            end = min(within.end - begins, len(stretch.text))
            if end - start > len(longest):
                longest = Span(stretch.start + start, stretch.start + end)
            begins += len(stretch.text) + 1
        return longest


@dataclass(frozen=True, slots=True)
class _Part:
    """What is read of one hit."""

    source: int
    hit: Hit
    first_chunk: int
    last_chunk: int
    stretch: Stretch


def context_of_hits(hits: Sequence[Hit], *, max_tokens: int) -> tuple[ContextPassage, ...]:
    """The passages of the hits, those of the best first, of at most `max_tokens` by `approximate_tokens`.

    Of a hit that was expanded all of its passage is read. The same text is read once. What overlaps, or
    follows in the same revision, is one passage. The last one that fits is cut; those behind it are left out.
    """
    parts: list[_Part] = []
    seen: set[str] = set()
    left = max_tokens
    for source, hit in enumerate(hits):
        part = _part(source, hit)
        same = " ".join(part.stretch.text.split())
        if same in seen:
            continue
        seen.add(same)
        room = left - _AROUND_TOKENS
        tokens = approximate_tokens(part.stretch.text)
        if tokens > room:
            if room >= _LEAST_TOKENS:
                text = prefix_within(part.stretch.text, room).rstrip()
                # Without its end no chunk follows it directly.
                parts.append(_Part(source, hit, part.first_chunk, -1, Stretch(part.stretch.start, text)))
            break
        parts.append(part)
        left -= tokens + _AROUND_TOKENS
    return tuple(sorted(_merged(parts), key=lambda passage: passage.label))


def _part(source: int, hit: Hit) -> _Part:
    if (passage := hit.passage) is not None:
        stretch = Stretch(passage.span.start, passage.text)
        return _Part(source, hit, passage.chunk_first, passage.chunk_last, stretch)
    chunk = hit.chunk
    return _Part(source, hit, chunk.index, chunk.index, Stretch(chunk.span.start, chunk.text))


def _merged(parts: Sequence[_Part]) -> list[ContextPassage]:
    groups: list[list[_Part]] = []
    in_text = sorted(
        parts, key=lambda part: (part.hit.document_id, part.hit.sha256, part.stretch.start, part.stretch.end)
    )
    for part in in_text:
        if groups and _belongs(part, groups[-1]):
            groups[-1].append(part)
        else:
            groups.append([part])
    return [_passage(group) for group in groups]


def _belongs(part: _Part, group: Sequence[_Part]) -> bool:
    first = group[0].hit
    if (part.hit.document_id, part.hit.sha256) != (first.document_id, first.sha256):
        return False
    if part.stretch.start <= max(each.stretch.end for each in group):
        return True
    return part.first_chunk <= max(each.last_chunk for each in group) + 1


def _passage(group: Sequence[_Part]) -> ContextPassage:
    stretches = [group[0].stretch]
    for part in group[1:]:
        last, added = stretches[-1], part.stretch
        if added.start > last.end:
            stretches.append(added)
        elif added.end > last.end:
            stretches[-1] = Stretch(last.start, last.text + added.text[last.end - added.start :])
    sources = tuple(sorted(part.source for part in group))
    return ContextPassage(sources[0] + 1, group[0].hit.document_name, sources, tuple(stretches))
