"""Changing the embedding model of a database in use: build a second space, compare, activate."""

from citewell_entrypoints.reembedding.building import BuildSpace
from citewell_entrypoints.reembedding.comparing import OVERLAP_K, Comparison, Question, compare_spaces
from citewell_entrypoints.reembedding.questions import judged_questions, sampled_questions

__all__ = [
    "OVERLAP_K",
    "BuildSpace",
    "Comparison",
    "Question",
    "compare_spaces",
    "judged_questions",
    "sampled_questions",
]
