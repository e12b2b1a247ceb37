"""How good a ranking is, and how sure one can be of it: pure functions on the standard library."""

from citewell.evaluation.agreement import recall_of_index
from citewell.evaluation.metrics import METRICS, ndcg, recall, reciprocal_rank
from citewell.evaluation.resampling import Interval, Shift, compared, mean_interval, percentile

__all__ = [
    "METRICS",
    "Interval",
    "Shift",
    "compared",
    "mean_interval",
    "ndcg",
    "percentile",
    "recall",
    "recall_of_index",
    "reciprocal_rank",
]
