"""Collections with relevance judgements in the form of BEIR: a corpus, questions, and who answers what.

`corpus.jsonl` has `_id`, `title` and `text`, `queries.jsonl` has `_id` and `text`, and `qrels.tsv` (or
`qrels/test.tsv`) a question's id, a document's id and a score from 0, with a header.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from citewell_entrypoints.evaluation.errors import UnusableFolder

__all__ = ["BeirFolder", "Passage", "read_folder", "read_judgements", "read_queries"]

_QRELS: Final = ("qrels.tsv", "qrels/test.tsv")
_HEADER: Final = ("query-id", "corpus-id", "score")


@dataclass(frozen=True, slots=True)
class Passage:
    """A document of the corpus. title: empty if it has none."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class BeirFolder:
    """What the folder holds.

    questions: the text by id, of those with a relevant document alone. gains: how relevant a document is, by
    question and document. notes: what was left out, a sentence each.
    """

    name: str
    passages: tuple[Passage, ...]
    questions: Mapping[str, str]
    gains: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...]


def read_folder(folder: Path) -> BeirFolder:
    """The collection in the folder. Raises UnusableFolder, with the file and the line that is broken."""
    passages = _by_id(
        folder / "corpus.jsonl",
        lambda raw: Passage(_id(raw), _text(raw, "title", default=""), _text(raw, "text")),
    )
    asked = read_queries(folder / "queries.jsonl")
    path = next((folder / name for name in _QRELS if (folder / name).is_file()), folder / _QRELS[0])
    judged = read_judgements(path)
    gains = {
        question: judged[question]
        for question in asked
        if max(judged.get(question, {}).values(), default=0) > 0
    }
    if not passages:
        raise UnusableFolder(f"{folder / 'corpus.jsonl'} holds no document")
    if not gains:
        raise UnusableFolder(f"none of the questions in {folder / 'queries.jsonl'} has a judgement in {path}")
    return BeirFolder(
        folder.resolve().name,
        tuple(passages.values()),
        {question: asked[question] for question in gains},
        gains,
        tuple(_notes(asked.keys(), passages.keys(), judged, kept=gains.keys())),
    )


def _notes(
    asked: AbstractSet[str],
    passages: AbstractSet[str],
    judged: Mapping[str, Mapping[str, int]],
    *,
    kept: AbstractSet[str],
) -> Iterator[str]:
    if left_out := len(asked) - len(kept):
        yield f"questions left out, for nothing is relevant to them: {left_out:,} of {len(asked):,}"
    if unknown := len(judged.keys() - asked):
        yield f"judged questions that queries.jsonl lacks: {unknown:,}"
    named = {document for question in kept for document, gain in judged[question].items() if gain > 0}
    if missing := len(named - passages):
        yield f"relevant documents that corpus.jsonl lacks, so that nothing finds them: {missing:,}"


def _by_id(path: Path, read: Callable[[Any], Passage]) -> dict[str, Passage]:
    found: dict[str, Passage] = {}
    for number, line in _lines(path):
        try:
            passage = read(json.loads(line))
        except (ValueError, TypeError) as error:
            reason = "not JSON" if isinstance(error, json.JSONDecodeError) else str(error)
            raise UnusableFolder(f"{path}, line {number}: {reason}") from error
        if passage.id in found:
            raise UnusableFolder(f"{path}, line {number}: the id {passage.id!r} is there already")
        found[passage.id] = passage
    return found


def read_queries(path: Path) -> dict[str, str]:
    """The questions of a file by id. Raises UnusableFolder, with the line that is broken."""
    asked = _by_id(path, lambda raw: Passage(_id(raw), "", _text(raw, "text")))
    return {question: passage.text for question, passage in asked.items()}


def read_judgements(path: Path) -> dict[str, dict[str, int]]:
    """How relevant a document is, by question and document. Raises UnusableFolder likewise."""
    judged: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        fields = tuple(line.rstrip("\r\n").split("\t"))
        if number == 1 and fields == _HEADER:
            continue
        try:
            question, document, score = fields
            judged.setdefault(question, {})[document] = int(score)
        except ValueError:
            expected = "a question's id, a document's id and a whole number, with tabs in between"
            raise UnusableFolder(f"{path}, line {number}: not {expected}") from None
    return judged


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, with their numbers from 1."""
    try:
        # Not `splitlines`: texts hold line separators of other kinds.
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            yield from ((number, line) for number, line in enumerate(file, start=1) if line.strip())
    except UnicodeDecodeError as error:
        raise UnusableFolder(f"{path} is not in UTF-8") from error
    except OSError as error:
        raise UnusableFolder(f"{path}: {error.strerror or error}") from error


def _id(raw: Any) -> str:
    if not isinstance(raw, dict):
        raise TypeError("not a JSON object")
    given = raw.get("_id")
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise TypeError("`_id` is no text")
    return str(given)


def _text(raw: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    given = raw.get(name)
    given = default if given is None else given
    if not isinstance(given, str):
        raise TypeError(f"`{name}` is no text")
    return given
