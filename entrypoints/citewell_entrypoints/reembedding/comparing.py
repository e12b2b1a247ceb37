"""Two embedding spaces held against each other over the same questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from citewell.evaluation import Interval, Shift, compared, mean_interval, ndcg
from citewell.model import ChunkRef, Hit, Mode, Scope, SearchOptions
from citewell.usecases import MAX_QUESTION_CHARACTERS, MAX_TOP_K, Searching

__all__ = ["OVERLAP_K", "Comparison", "Question", "compare_spaces"]

#: Of how many hits the overlap is.
OVERLAP_K: Final = 10
_JUDGED_MODES: Final = (Mode.DENSE, Mode.HYBRID)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. own: the chunk whose text it is, which is left out. gains: by document id, if judged."""

    text: str
    own: ChunkRef | None = None
    gains: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """questions: how many. overlap: the share of the first ten hits by meaning that both spaces have.

    shifts: nDCG@10 in the first and the second space by mode, if there are judgements.
    """

    questions: int
    overlap: Interval
    shifts: Mapping[str, Shift]


async def compare_spaces(
    first: Searching,
    second: Searching,
    questions: Sequence[Question],
    *,
    scope: Scope,
    seed: int,
    tell: Callable[[int, int], None],
) -> Comparison:
    """Ask both everything. Raises what `Search` raises; there has to be a question."""
    overlaps: list[float] = []
    scores: dict[str, tuple[list[float], list[float]]] = {}
    for number, question in enumerate(questions, start=1):
        one, other = [await _refs(search, question, scope=scope) for search in (first, second)]
        if longest := max(len(one), len(other)):
            overlaps.append(len(one & other) / longest)
        for mode in _JUDGED_MODES if question.gains is not None else ():
            before, after = scores.setdefault(mode.value, ([], []))
            before.append(await _ndcg(first, question, mode=mode, scope=scope))
            after.append(await _ndcg(second, question, mode=mode, scope=scope))
        tell(number, len(questions))
    return Comparison(
        len(questions),
        mean_interval(overlaps or [1.0], seed=seed),
        {mode: compared(*both, seed=seed) for mode, both in scores.items()},
    )


async def _refs(search: Searching, question: Question, *, scope: Scope) -> set[ChunkRef]:
    hits = await _hits(search, question, mode=Mode.DENSE, scope=scope, top_k=OVERLAP_K + 1)
    refs = [ChunkRef(hit.document_id, hit.chunk.index) for hit in hits]
    return set([ref for ref in refs if ref != question.own][:OVERLAP_K])


async def _ndcg(search: Searching, question: Question, *, mode: Mode, scope: Scope) -> float:
    hits = await _hits(search, question, mode=mode, scope=scope, top_k=MAX_TOP_K)
    ranking = list(dict.fromkeys(str(hit.document_id) for hit in hits))
    return ndcg(ranking, question.gains or {}, k=10)


async def _hits(
    search: Searching, question: Question, *, mode: Mode, scope: Scope, top_k: int
) -> Sequence[Hit]:
    text = question.text[:MAX_QUESTION_CHARACTERS]
    return (await search(text, scope=scope, top_k=top_k, options=SearchOptions(mode=mode))).hits
