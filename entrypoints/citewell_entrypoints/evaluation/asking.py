"""Puts every question to the server, and keeps which documents it found and how long it took."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from citewell_entrypoints.client import Api
from citewell_entrypoints.client.errors import ClientError, Refused
from citewell_entrypoints.client.patience import Patience
from citewell_entrypoints.evaluation.bringing import Tell
from citewell_entrypoints.evaluation.errors import UnusableServer
from citewell_entrypoints.evaluation.threads import in_threads

__all__ = ["Asking", "Found"]

#: As many sources as the API gives.
_TOP_K: Final = 100
#: Not finding the answer's words does not change which sources there are.
_HARMLESS: Final = frozenset({"llm"})


@dataclass(frozen=True, slots=True)
class Found:
    """What a question found.

    ranking: ids of the corpus, best first, each once. seconds: from request to reply.
    """

    ranking: tuple[str, ...]
    seconds: float
    has_answer: bool


class Asking:
    """Questions to one collection.

    ids: of the corpus, by the document's id on the server. ignore_identical: leave a document out that has
    the question's own id, as BEIR does where questions are documents of the corpus.
    """

    def __init__(
        self, api: Api, *, collection: str, ids: Mapping[str, tuple[str, ...]], ignore_identical: bool
    ) -> None:
        self._api = api
        self._collection = collection
        self._ids = ids
        self._ignore_identical = ignore_identical

    def __call__(
        self,
        questions: Mapping[str, str],
        *,
        mode: str,
        fields: Mapping[str, Any] | None = None,
        threads: int,
        tell: Tell,
    ) -> Mapping[str, Found]:
        """What each question found, in their order. Raises UnusableServer, ClientError.

        mode: its name; fields: what a question in it says, if that is not the mode alone.
        """
        said = {"mode": mode} if fields is None else fields

        def ask(question: tuple[str, str], patience: Patience) -> tuple[str, Found]:
            return question[0], self._ask(*question, fields=said, patience=patience)

        first = next(iter(questions.items()))
        with closing(in_threads(ask, [first], threads=1)) as warming:
            # The first question of all may wait for a model to be loaded.
            list(warming)
        found: dict[str, Found] = {}
        with closing(in_threads(ask, questions.items(), threads=threads)) as answered:
            for question, result in answered:
                found[question] = result
                tell(f"asking, {mode}", len(found), len(questions))
        return {question: found[question] for question in questions}

    def _ask(
        self, question_id: str, question: str, *, fields: Mapping[str, Any], patience: Patience
    ) -> Found:
        body = {"question": question, "top_k": _TOP_K, "collection": self._collection, **fields}

        def timed() -> tuple[Any, float]:
            began = time.perf_counter()
            reply = self._api.query(body)
            return reply.json(), time.perf_counter() - began

        try:
            reply, seconds = patience.call(timed, waiting=lambda *_: None)
        except Refused as error:
            raise UnusableServer(f"the question {question_id!r} was refused: {error}") from error
        except ClientError as error:
            raise UnusableServer(f"the question {question_id!r} got no reply: {error}") from error
        if missing := set(reply.get("degraded") or ()) - _HARMLESS:
            raise UnusableServer(
                f"the reply to the question {question_id!r} lacks {', '.join(sorted(missing))}: "
                "what is measured would not be the mode"
            )
        return Found(self._ranking(reply, question_id), seconds, reply.get("answer") is not None)

    def _ranking(self, reply: Mapping[str, Any], question_id: str) -> tuple[str, ...]:
        """Documents by their best passage, those of its copies beside it: sources come best first."""
        try:
            ranked = dict.fromkeys(
                passage
                for source in reply["sources"]
                for place in (source, *(source.get("also_in") or ()))
                for passage in self._ids[place["document_id"]]
            )
        except KeyError:
            raise UnusableServer(f"the collection {self._collection} was changed meanwhile") from None
        if self._ignore_identical:
            ranked.pop(question_id, None)
        return tuple(ranked)
