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
_APART: Final = {1: 1.0, 2: 0.5, -1: 0.5}

#: Analysing a passage takes some 0.2 ms; the same ones are found again and again.
_REMEMBERED: Final = 4_096
#: What takes no more than some 3 ms.
_FEW_CHARACTERS: Final = 32_768

_ENDING: Final = re.compile(r"\.\w{1,5}$")

#: Where words of the question stand: place in the passage and number of the word, in order.
Occurrences = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Looked:
    """What is looked at of a hit."""

    places: Occurrences
    titled: frozenset[int]


class HeuristicReranker:
    """The Reranker port. The scores are those of the ranking and of what is looked at, added by weight."""

    def __init__(self, encoder: LexicalEncoder) -> None:
        self._encoder = encoder
        self._sequence = lru_cache(_REMEMBERED)(lambda text: tuple(encoder.sequence(text)))

    async def score(self, question: str, hits: Sequence[Hit]) -> Sequence[float]:
        """See the port. In a thread, where it may take many milliseconds."""
        if sum(len(hit.chunk.text) for hit in hits) <= _FEW_CHARACTERS:
            return self._score(question, hits)
        return await asyncio.to_thread(self._score, question, hits)

    def _score(self, question: str, hits: Sequence[Hit]) -> list[float]:
        asked = self._encoder.question(question)
        number: dict[int | None, int] = {
            term: position for position, terms in enumerate(asked) for term in terms
        }
        looked = [self._look(hit, number) for hit in hits]
        weights = _weights(looked, count=len(asked))
        ranked = _stretched([hit.score for hit in hits])
        return [
            (base + _worth(each, weights) + _POSITION / (1 + hit.chunk.index)) / _ALL
            for base, each, hit in zip(ranked, looked, hits, strict=True)
        ]

    def _look(self, hit: Hit, number: Mapping[int | None, int]) -> _Looked:
        places = [
            (place, number[term])
            for place, term in enumerate(self._sequence(hit.chunk.text))
            if term in number
        ]
        return _Looked(
            places,
            self._named(hit.document_name, number) | self._in(" \n".join(hit.chunk.heading_path), number),
        )

    def _in(self, text: str, number: Mapping[int | None, int]) -> frozenset[int]:
        return frozenset(number[term] for term in self._sequence(text) if term in number)

    def _named(self, name: str, number: Mapping[int | None, int]) -> frozenset[int]:
        """The words in a document's name. Its numbers count beside a word of it: alone they may be any."""
        parts = list(words(_ENDING.sub("", name)))
        numbers = [part for part in parts if part.isdigit()]
        named = self._in(" ".join(part for part in parts if not part.isdigit()), number)
        return named | self._in(" ".join(numbers), number) if named else named


def _weights(looked: Sequence[_Looked], *, count: int) -> list[float]:
    """For each word how telling it is among the hits; 0 for one that none of them has."""
    having = Counter(word for each in looked for word in each.titled.union(word for _, word in each.places))
    total = len(looked)
    return [
        log(1 + (total - having[word] + 0.5) / (having[word] + 0.5)) if having[word] else 0.0
        for word in range(count)
    ]


def _worth(looked: _Looked, weights: Sequence[float]) -> float:
    whole = sum(weights)
    if not whole:
        return 0.0
    few = min(1.0, _FEW_WORDS / sum(weight > 0 for weight in weights)) ** 2
    title = sum(weights[word] for word in looked.titled) / whole
    window = _best_window(looked.places, weights) / whole
    return _TITLE * title + few * (_WINDOW * window + _PHRASES * _phrases(looked.places, weights))


def _best_window(places: Occurrences, weights: Sequence[float]) -> float:
    """The most that the words of one stretch weigh together."""
    best = weight = 0.0
    within: Counter[int] = Counter()
    first = 0
    for place, word in places:
        weight += 0.0 if within[word] else weights[word]
        within[word] += 1
        while places[first][0] <= place - WINDOW:
            left = places[first][1]
            within[left] -= 1
            weight -= 0.0 if within[left] else weights[left]
            first += 1
        best = max(best, weight)
    return best


def _phrases(places: Occurrences, weights: Sequence[float]) -> float:
    """The share of the question's pairs of neighbours that stand together."""
    whole = sum(min(pair) for pair in pairwise(weights))
    if not whole:
        return 0.0
    standing: defaultdict[int, list[int]] = defaultdict(list)
    for place, word in places:
        standing[word].append(place)
    found = sum(
        min(weights[word], weights[word + 1]) * _together(standing[word], standing[word + 1])
        for word in range(len(weights) - 1)
        if word in standing and word + 1 in standing
    )
    return found / whole


def _together(ones: Sequence[int], others: Sequence[int]) -> float:
    near = set(others)
    return max(
        (worth for one in ones for distance, worth in _APART.items() if one + distance in near), default=0.0
    )


def _stretched(scores: Iterable[float]) -> list[float]:
    """To 0-1 over the hits, whatever the mode's scores are like."""
    listed = list(scores)
    low, high = min(listed, default=0.0), max(listed, default=0.0)
    return [(score - low) / (high - low) if high > low else 1.0 for score in listed]
