"""From what each leg of a search brought to one ranking. Pure, and of the standard library alone."""

from citewell.ranking.diversity import diversified
from citewell.ranking.duplicates import Distinct
from citewell.ranking.fusion import rank
from citewell.ranking.heuristic import HeuristicReranker
from citewell.ranking.reranking import reranked, sigmoid
from citewell.ranking.weighing import weigh

__all__ = ["Distinct", "HeuristicReranker", "diversified", "rank", "reranked", "sigmoid", "weigh"]
