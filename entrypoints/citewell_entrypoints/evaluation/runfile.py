"""Runs as files of JSON, for other programs and for later comparisons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from citewell.evaluation import METRICS
from citewell_entrypoints.evaluation.errors import UnusableRun
from citewell_entrypoints.evaluation.runs import Answered, ModeRun, Run

__all__ = ["read_run", "write_run"]

_FORMAT: Final = "citewell-eval-1"


def write_run(run: Run, path: Path) -> None:
    """Write the run with the scores of every question. Raises UnusableRun if the file cannot be written."""
    raw = {
        "format": _FORMAT,
        "folder": run.folder,
        "data": run.data,
        "collection": run.collection,
        "passages": run.passages,
        "server": run.server,
        "version": run.version,
        "at": run.at.isoformat(),
        "threads": run.threads,
        "seed": run.seed,
        "notes": list(run.notes),
        "questions": dict(run.questions),
        "modes": {name: _mode(mode) for name, mode in run.modes.items()},
    }
    try:
        path.write_text(
            json.dumps(raw, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", errors="replace"
        )
    except OSError as error:
        raise UnusableRun(f"{path}: {error.strerror or error}") from error


def read_run(path: Path) -> Run:
    """The run in the file; its means are computed anew. Raises UnusableRun."""
    try:
        return _run(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UnusableRun(f"{path}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnusableRun(f"{path} is no file that `citewell eval --json` wrote") from error


def _mode(mode: ModeRun) -> Mapping[str, Any]:
    return {
        "metrics": {
            name: {"mean": interval.mean, "low": interval.low, "high": interval.high}
            for name, interval in mode.intervals.items()
        },
        "latency_ms": {f"p{share}": _milliseconds(mode.latency(share / 100)) for share in (50, 95)},
        "questions": {
            question: {
                **answered.scores,
                "milliseconds": _milliseconds(answered.seconds),
                "ranking": list(answered.ranking),
            }
            for question, answered in mode.answered.items()
        },
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _run(raw: Mapping[str, Any]) -> Run:
    if raw["format"] != _FORMAT:
        raise ValueError(raw["format"])
    seed = int(raw["seed"])
    questions = {str(question): str(text) for question, text in raw["questions"].items()}
    modes = {
        name: ModeRun(
            name, {question: _answered(mode["questions"][question]) for question in questions}, seed
        )
        for name, mode in raw["modes"].items()
    }
    if not questions or not modes:
        raise ValueError("the run is empty")
    return Run(
        folder=str(raw["folder"]),
        data=str(raw["data"]),
        collection=str(raw["collection"]),
        passages=int(raw["passages"]),
        server=str(raw["server"]),
        version=str(raw["version"]),
        at=datetime.fromisoformat(raw["at"]),
        threads=int(raw["threads"]),
        seed=seed,
        questions=questions,
        modes=modes,
        notes=tuple(map(str, raw["notes"])),
    )


def _answered(raw: Mapping[str, Any]) -> Answered:
    scores = {metric: float(raw[metric]) for metric in METRICS}
    return Answered(tuple(map(str, raw["ranking"])), float(raw["milliseconds"]) / 1000, scores)
