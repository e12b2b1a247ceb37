"""What keeps an evaluation from being done.

EvaluationError
├── UnusableFolder     a file of the BEIR folder is missing or broken
├── UnusableRun        a file of a run is missing or broken, or two runs cannot be compared
└── UnusableServer     the server lacks what is asked for, or could not bring in the corpus
"""

from __future__ import annotations

from citewell.errors import CitewellError

__all__ = ["EvaluationError", "UnusableFolder", "UnusableRun", "UnusableServer"]


class EvaluationError(CitewellError):
    """The evaluation cannot be done."""


class UnusableFolder(EvaluationError):
    """The folder holds no collection with judgements."""


class UnusableRun(EvaluationError):
    """The file holds no run."""


class UnusableServer(EvaluationError):
    """The server cannot be evaluated."""
