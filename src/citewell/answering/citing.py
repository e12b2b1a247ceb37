"""Reads what a language model says as it comes, and keeps of its citations those that hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from citewell.answering.context import ContextPassage
from citewell.answering.markers import Cited, Marker, scan_marker
from citewell.answering.quotes import NormalText, best_sentence
from citewell.chunking import PAGE_SEPARATOR
from citewell.model import AnswerCitation, Chunk, Hit, Passage, Span

__all__ = ["CitationReader"]

#: How far back the statement that a citation stands for begins at most.
_CLAIM_CHARACTERS: Final = 400
_SENTENCES: Final = re.compile(r"[.!?]\s|\n")


class CitationReader:
    """Gives the text with `[n]` for each citation that holds, n being the number of its source from 1.

    A citation holds if its label is that of a passage and its quote, if it has one, is in that passage.
    Others are left out and counted. What is given by `feed` and `end`, joined, is `text`, in which the
    citations have their places; white space at its ends is left out.
    """

    def __init__(self, passages: Sequence[ContextPassage], hits: Sequence[Hit]) -> None:
        self._passages = {passage.label: passage for passage in passages}
        self._normal: dict[int, NormalText] = {}
        self._hits = hits
        self._waiting = ""
        self._pieces: list[str] = []
        self._length = 0
        #: What was said since the last citation.
        self._claim = ""
        self._is_cited = False
        self._citations: list[AnswerCitation] = []
        #: How many citations did not hold.
        self.removed = 0

    @property
    def text(self) -> str:
        """All that was given so far."""
        return "".join(self._pieces)

    @property
    def citations(self) -> tuple[AnswerCitation, ...]:
        """Those that hold, in the order of the text."""
        return tuple(self._citations)

    def feed(self, piece: str) -> str:
        """What can be given of the text now: what may become a citation waits for its end."""
        self._waiting += piece
        return self._given(self._read())

    def end(self) -> str:
        """What is left of the text. A citation that was never closed is none."""
        given = self._read()
        left, self._waiting = self._waiting, ""
        bracket = left.find("[")
        if bracket >= 0 and any(sign.isdigit() for sign in left[bracket:]):
            self.removed += 1
            left = left[:bracket]
        return self._given(given + self._said(left.rstrip()))

    def _read(self) -> str:
        given = ""
        at = 0
        text = self._waiting
        while (bracket := text.find("[", at)) >= 0:
            found = scan_marker(text, bracket)
            if found is True:
                break
            if found is False:
                given += self._said(text[at : bracket + 1])
                at = bracket + 1
                continue
            given += self._cited(text[at:bracket], found)
            at = found.end
        rest = text[at:]
        # White space waits: before a citation that does not hold, and at the end, it is left out.
        whole = rest[: rest.find("[")] if "[" in rest else rest
        said = whole.rstrip()
        self._waiting = rest[len(said) :]
        return given + self._said(said)

    def _given(self, text: str) -> str:
        self._pieces.append(text)
        return text

    def _said(self, text: str) -> str:
        if not self._length:
            text = text.lstrip()
        self._length += len(text)
        if self._is_cited and any(sign.isalnum() for sign in text):
            self._claim, self._is_cited = "", False
        self._claim = (self._claim + text)[-_CLAIM_CHARACTERS:]
        return text

    def _cited(self, before: str, marker: Marker) -> str:
        """The text before a marker, and what stands for it."""
        claim = _SENTENCES.split((self._claim + before).rstrip(" .!?"))[-1]
        found = [self._found(cited, claim) for cited in marker.cited]
        holding = [each for each in found if each is not None]
        self.removed += len(found) - len(holding)
        given = self._said(before if holding else before.rstrip())
        for citation in holding:
            mark = f"[{citation.source + 1}]"
            place = Span(self._length, self._length + len(mark))
            self._citations.append(replace(citation, place=place))
            self._length = place.end
            given += mark
        self._is_cited = True
        return given

    def _found(self, cited: Cited, claim: str) -> AnswerCitation | None:
        """What it cites, with its place to come; None if it does not hold."""
        passage = self._passages.get(cited.label)
        if passage is None:
            return None
        if cited.quote is not None:
            within = self._normal_of(passage).find(cited.quote)
            if within is None:
                return None
            span = passage.located(within)
        elif sentence := best_sentence(passage.text, claim):
            span = passage.located(sentence)
        else:
            span = passage.shown(self._hits[passage.sources[0]].chunk.span)
        source = self._source(passage, span)
        hit = self._hits[source]
        chunk = hit.chunk
        first_page, last_page = _pages(
            chunk if hit.passage is None or _holds(chunk.span, span) else hit.passage, span
        )
        return AnswerCitation(
            place=Span(0, 0),
            source=source,
            document_id=hit.document_id,
            sha256=hit.sha256,
            quote=passage.exact(span),
            quoted=cited.quote is not None,
            span=span,
            first_page=first_page,
            last_page=last_page,
        )

    def _normal_of(self, passage: ContextPassage) -> NormalText:
        if passage.label not in self._normal:
            self._normal[passage.label] = NormalText(passage.text)
        return self._normal[passage.label]

    def _source(self, passage: ContextPassage, span: Span) -> int:
        """The best of the passage's sources that hold the span, or else that share most of it."""

        def shared(source: int) -> tuple[int, int, int]:
            hit = self._hits[source]
            read = hit.chunk if hit.passage is None else hit.passage
            return (-_common(hit.chunk.span, span), -_common(read.span, span), source)

        return min(passage.sources, key=shared)


def _pages(read: Chunk | Passage, span: Span) -> tuple[int, int]:
    """The pages of the ends of `span`; those of all of the text if that does not tell."""
    first, last = read.first_page, read.last_page
    if read.text.count(PAGE_SEPARATOR) != last - first:
        # Numbers are left out, or a page has a separator of its own.
        return first, last
    start, end = span.start - read.span.start, span.end - 1 - read.span.start
    return first + read.text.count(PAGE_SEPARATOR, 0, start), first + read.text.count(PAGE_SEPARATOR, 0, end)


def _common(one: Span, other: Span) -> int:
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end
