"""One evaluation from the folder to the figures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from citewell_entrypoints.client import Api
from citewell_entrypoints.evaluation.asking import Asking, Found
from citewell_entrypoints.evaluation.beir import BeirFolder
from citewell_entrypoints.evaluation.bringing import Tell, bring_in
from citewell_entrypoints.evaluation.corpus import Corpus
from citewell_entrypoints.evaluation.errors import UnusableServer
from citewell_entrypoints.evaluation.modes import chosen_modes
from citewell_entrypoints.evaluation.runs import Answered, ModeRun, Run

__all__ = ["Measuring", "evaluate"]

_ANSWERS: Final = "the server writes answers with a language model: the latency includes it"


@dataclass(frozen=True, slots=True)
class Measuring:
    """How to measure.

    modes: all that the server knows if empty. collection: empty for one of the corpus' own. threads: how many
    questions are asked at once. seed: of the confidence intervals. ignore_identical: as in Asking.
    """

    modes: Sequence[str] = ()
    collection: str = ""
    threads: int = 4
    seed: int = 0
    ignore_identical: bool = False


def evaluate(api: Api, folder: BeirFolder, how: Measuring, *, tell: Tell) -> Run:
    """Bring the corpus in where it is not yet, ask all questions in each mode, and judge what was found.

    Raises UnusableServer, ClientError.
    """
    modes = chosen_modes(api, how.modes)
    corpus = Corpus.of(folder)
    collection = how.collection or corpus.collection
    ids = bring_in(api, corpus, collection=collection, tell=tell)
    if not ids:
        raise UnusableServer(f"no document of {folder.name} holds any text")
    ask = Asking(api, collection=collection, ids=ids, ignore_identical=how.ignore_identical)
    found = {
        mode: ask(folder.questions, mode=mode, fields=fields, threads=how.threads, tell=tell)
        for mode, fields in modes.items()
    }
    passages = sum(map(len, ids.values()))
    return Run(
        folder=folder.name,
        data=_digest(corpus, folder),
        collection=collection,
        passages=passages,
        server=str(api.address),
        version=version("citewell"),
        at=datetime.now(UTC),
        threads=how.threads,
        seed=how.seed,
        questions=folder.questions,
        modes={mode: _judged(mode, results, folder, seed=how.seed) for mode, results in found.items()},
        notes=(*folder.notes, *_notes(found, without_text=len(folder.passages) - passages)),
    )


def _judged(mode: str, found: Mapping[str, Found], folder: BeirFolder, *, seed: int) -> ModeRun:
    answered = {
        question: Answered.judged(result.ranking, seconds=result.seconds, gains=folder.gains[question])
        for question, result in found.items()
    }
    return ModeRun(mode, answered, seed)


def _notes(found: Mapping[str, Mapping[str, Found]], *, without_text: int) -> Iterator[str]:
    if without_text:
        yield f"documents without text, which nothing finds: {without_text:,}"
    if any(result.has_answer for results in found.values() for result in results.values()):
        yield _ANSWERS


def _digest(corpus: Corpus, folder: BeirFolder) -> str:
    data = json.dumps([corpus.digest, folder.questions, folder.gains], sort_keys=True)
    return hashlib.sha256(data.encode()).hexdigest()
