"""Measures over HTTP how well a Citewell finds what is there, with judgements in the form of BEIR."""

from citewell_entrypoints.evaluation.beir import BeirFolder, read_folder
from citewell_entrypoints.evaluation.comparison import Comparison, compare
from citewell_entrypoints.evaluation.errors import EvaluationError
from citewell_entrypoints.evaluation.measuring import Measuring, evaluate
from citewell_entrypoints.evaluation.runfile import read_run, write_run
from citewell_entrypoints.evaluation.runs import Answered, ModeRun, Run

__all__ = [
    "Answered",
    "BeirFolder",
    "Comparison",
    "EvaluationError",
    "Measuring",
    "ModeRun",
    "Run",
    "compare",
    "evaluate",
    "read_folder",
    "read_run",
    "write_run",
]
