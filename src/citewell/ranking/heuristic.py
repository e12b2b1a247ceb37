"""A reranker without a model: how the question's words stand in a passage, beside how it was ranked before.

A search by words knows how often each is there, not where. Looked at are, each as a share of what it could
be, a word counting by how few of the hits have it:

    title     the question's words in the headings above the passage and in the document's name
    window    those within one stretch of WINDOW words (proximity, as in Tao and Zhai 2007)
    phrases   neighbours in the question that stand together here (Metzler and Croft 2005)
    position  the first passages of a document tell what it is about

Questions of many words are met in parts: stretches and phrases count less for them.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import log
from typing import Final

from citewell.lexical import words
from citewell.model import Hit
from citewell.ports import LexicalEncoder

__all__ = ["WINDOW", "HeuristicReranker"]

WINDOW: Final = 25

#: What each is worth beside the ranking, which is worth 1.
_TITLE: Final = 0.3
_WINDOW: Final = 0.2
_PHRASES: Final = 0.2
_POSITION: Final = 0.005
_ALL: Final = 1.0 + _TITLE + _WINDOW + _PHRASES + _POSITION

#: Questions of up to so many words are asked to be met whole.
_FEW_WORDS: Final = 4
#: Two words of a phrase that stand one apart, or the wrong way round, are half a phrase.
_APART: Final = ((1.0, (1,)), (0.5, (2, -1)))

#: Analysing a passage takes some 0.2 ms; the same ones are found again and again. So are documents' names.
_REMEMBERED: Final = 4_096
#: What takes no more than some 3 ms.
_FEW_CHARACTERS: Final = 32_768

_ENDING: Final = re.compile(r"\.\w{1,5}$")

#: By the number of each word of the question: its places in the passage, in order.
Places = Mapping[int, Sequence[int]]


@dataclass(frozen=True, slots=True)
class _Looked:
    """What is looked at of a hit. titled: words in its headings and in its document's name."""

    places: Places
    titled: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Name:
    """The terms of a document's name, those of its numbers apart."""

    words: frozenset[int]
    numbers: frozenset[int]


class HeuristicReranker:
    """The Reranker port. The scores are those of the ranking and of what is looked at, added by weight."""

    def __init__(self, encoder: LexicalEncoder) -> None:
        self._encoder = encoder
        self._places = lru_cache(_REMEMBERED)(self._places_of)
        self._name = lru_cache(_REMEMBERED)(self._name_of)

    async def score(self, question: str, hits: Sequence[Hit]) -> Sequence[float]:
        """See the port. In a thread, where it may take many milliseconds."""
        if sum(len(hit.chunk.text) for hit in hits) <= _FEW_CHARACTERS:
            return self._score(question, hits)
        return await asyncio.to_thread(self._score, question, hits)

    def _score(self, question: str, hits: Sequence[Hit]) -> list[float]:
        asked = self._encoder.question(question)
        number = {term: position for position, terms in enumerate(asked) for term in terms}
        looked = [self._look(hit, number) for hit in hits]
        weights = _Weights(looked, count=len(asked))
        ranked = _stretched([hit.score for hit in hits])
        return [
            (base + weights.worth(each) + _POSITION / (1 + hit.chunk.index)) / _ALL
            for base, each, hit in zip(ranked, looked, hits, strict=True)
        ]

    def _look(self, hit: Hit, number: Mapping[int, int]) -> _Looked:
        standing = self._places(hit.chunk.text)
        places: dict[int, Sequence[int]] = {}
        for term in number.keys() & standing.keys():
            word = number[term]
            # Two forms of a word, as the question may be of several languages.
            places[word] = sorted((*places[word], *standing[term])) if word in places else standing[term]
        name = self._name(hit.document_name)
        titled = name.words & number.keys()
        # A document's numbers count beside a word of its name: alone they may be any.
        if titled:
            titled |= name.numbers & number.keys()
        if hit.chunk.heading_path:
            titled |= self._places(" \n".join(hit.chunk.heading_path)).keys() & number.keys()
        return _Looked(places, frozenset(number[term] for term in titled))

    def _places_of(self, text: str) -> Mapping[int, Sequence[int]]:
        places: defaultdict[int, list[int]] = defaultdict(list)
        for place, term in enumerate(self._encoder.sequence(text)):
            if term is not None:
                places[term].append(place)
        return {term: tuple(found) for term, found in places.items()}

    def _name_of(self, name: str) -> _Name:
        parts = list(words(_ENDING.sub("", name)))
        return _Name(
            self._terms(" ".join(part for part in parts if not part.isdigit())),
            self._terms(" ".join(part for part in parts if part.isdigit())),
        )

    def _terms(self, text: str) -> frozenset[int]:
        return frozenset(term for term in self._encoder.sequence(text) if term is not None)


class _Weights:
    """What each word of the question weighs, and what that makes together."""

    def __init__(self, looked: Sequence[_Looked], *, count: int) -> None:
        """Words weigh by how telling they are among the hits; one that none of them has weighs nothing."""
        having = Counter(word for each in looked for word in each.titled.union(each.places))
        total = len(looked)
        self._of = [
            log(1 + (total - having[word] + 0.5) / (having[word] + 0.5)) if having[word] else 0.0
            for word in range(count)
        ]
        self._whole = sum(self._of)
        self._pairs = [min(pair) for pair in pairwise(self._of)]
        self._all_pairs = sum(self._pairs)
        #: Questions of many words are met in parts.
        self._met = min(1.0, _FEW_WORDS / max(1, count - self._of.count(0.0))) ** 2

    def worth(self, looked: _Looked) -> float:
        """What a hit is worth by where the words stand in it."""
        if not self._whole:
            return 0.0
        places = looked.places
        title = sum([self._of[word] for word in looked.titled]) / self._whole
        window = self._best_window(places) / self._whole
        phrases = self._phrases(places) / self._all_pairs if self._all_pairs else 0.0
        return _TITLE * title + self._met * (_WINDOW * window + _PHRASES * phrases)

    def _best_window(self, places: Places) -> float:
        """The most that the words of one stretch weigh together."""
        weights = self._of
        best = weight = 0.0
        inside, distinct, first = dict.fromkeys(places, 0), 0, 0
        standing = sorted([(place, word) for word, found in places.items() for place in found])
        for place, word in standing:
            if not inside[word]:
                weight += weights[word]
                distinct += 1
            inside[word] += 1
            while standing[first][0] <= place - WINDOW:
                left = standing[first][1]
                inside[left] -= 1
                if not inside[left]:
                    weight -= weights[left]
                    distinct -= 1
                first += 1
            if distinct == len(places):
                return sum([weights[word] for word in places])
            if weight > best:
                best = weight
        return best

    def _phrases(self, places: Places) -> float:
        """What the question's pairs of neighbours that stand together weigh."""
        found = 0.0
        for word in places:
            if word + 1 in places:
                found += self._pairs[word] * _together(places[word], places[word + 1])
        return found


def _together(ones: Sequence[int], others: Sequence[int]) -> float:
    near = set(others)
    for worth, distances in _APART:
        for distance in distances:
            if not near.isdisjoint([one + distance for one in ones]):
                return worth
    return 0.0


def _stretched(scores: Iterable[float]) -> list[float]:
    """To 0-1 over the hits, whatever the mode's scores are like."""
    listed = list(scores)
    low, high = min(listed, default=0.0), max(listed, default=0.0)
    return [(score - low) / (high - low) if high > low else 1.0 for score in listed]
