"""Measures of one ranking against the judgements of its question.

A ranking is the ids of documents, best first, each once. Gains say how relevant a document is to the
question: 0 or less is not relevant, and so is what nobody judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

__all__ = ["METRICS", "ndcg", "recall", "reciprocal_rank"]

#: The measure of one question, in [0, 1], from its ranking and gains.
Metric = Callable[[Sequence[str], Mapping[str, int]], float]


def ndcg(ranking: Sequence[str], gains: Mapping[str, int], *, k: int) -> float:
    """Normalised discounted cumulative gain of the first k, in [0, 1]; 0 where nothing is relevant.

    The gain is linear and the discount log2(rank + 1), as in trec_eval's `ndcg_cut`: Järvelin and Kekäläinen
    2002, with the discount of Burges et al. 2005. The ideal ranking has all that was judged, found or not.
    """
    ideal = _discounted(sorted(gains.values(), reverse=True)[:k])
    return _discounted(gains.get(document, 0) for document in ranking[:k]) / ideal if ideal else 0.0


def recall(ranking: Sequence[str], gains: Mapping[str, int], *, k: int) -> float:
    """The share of the relevant documents among the first k, in [0, 1]; 0 where nothing is relevant."""
    relevant = {document for document, gain in gains.items() if gain > 0}
    return len(relevant.intersection(ranking[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[str], gains: Mapping[str, int], *, k: int) -> float:
    """One by the rank of the first relevant document, from 1; 0 if there is none among the first k."""
    ranks = (rank for rank, document in enumerate(ranking[:k], start=1) if gains.get(document, 0) > 0)
    return 1 / next(ranks, math.inf)


#: What an evaluation reports, by the names that the field gives to them.
METRICS: Final[Mapping[str, Metric]] = {
    "nDCG@10": partial(ndcg, k=10),
    "Recall@100": partial(recall, k=100),
    "MRR@10": partial(reciprocal_rank, k=10),
}


def _discounted(gains: Iterable[int]) -> float:
    return math.fsum(max(gain, 0) / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
