"""Holding some of the questions against an exact search, behind their replies."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from citewell.errors import CitewellError
from citewell.model import Scope
from citewell.usecases import CheckRecall
from citewell_entrypoints.http.metrics import Metrics

__all__ = ["SAMPLED_K", "RecallSampler"]

_log = logging.getLogger(__name__)

#: The recall is that of the so many best.
SAMPLED_K: Final = 10
#: Told is the mean of so many of the last questions.
_KEPT: Final = 200
#: Fewer tell nothing.
_TELLING: Final = 20
#: Names of collections are strangers' words: no more of them are kept.
_MAX_COLLECTIONS: Final = 100
#: The reply goes first.
_DELAY_SECONDS: Final = 0.05
_WARN_SECONDS: Final = 600.0


@dataclass(slots=True)
class _Kept:
    recalls: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    warned_at: float | None = None


class RecallSampler:
    """Compares what the index finds with an exact search for a share of the questions, one at a time.

    check_recall: makes the use case, once everything is open. share: of the questions, in [0, 1]. A question
    that comes while another is compared is let go. Of a question nothing is kept but its recall. A
    failure costs the sample alone.
    """

    def __init__(
        self,
        check_recall: Callable[[], CheckRecall],
        metrics: Metrics,
        *,
        share: float,
        floor: float,
        ef: int,
        delay_seconds: float = _DELAY_SECONDS,
    ) -> None:
        self._check_recall = check_recall
        self._metrics = metrics
        self._share = share
        self._floor = floor
        self._ef = ef
        self._delay_seconds = delay_seconds
        self._chance = random.Random()  # noqa: S311 - nobody's secret
        self._kept: dict[str, _Kept] = {}
        self._task: asyncio.Task[None] | None = None

    def offer(self, question: str, *, scope: Scope) -> None:
        """Compare it soon, perhaps. Only searches of a collection go by the index."""
        if not self._share or scope.collection is None or scope.document_ids is not None:
            return
        if self._task is None and self._chance.random() < self._share:
            self._task = asyncio.create_task(self._compare(question, scope))
            self._task.add_done_callback(self._end)

    async def idle(self) -> None:
        """Returns when nothing is compared."""
        while self._task is not None:
            await asyncio.wait([self._task])
            await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives up what is compared."""
        if self._task is not None:
            self._task.cancel()
        await self.idle()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a comparison of recall failed", exc_info=error)

    async def _compare(self, question: str, scope: Scope) -> None:
        await asyncio.sleep(self._delay_seconds)
        try:
            recall = await self._check_recall()(question, scope=scope, k=SAMPLED_K)
        except CitewellError as error:
            _log.info("a question could not be compared with an exact search: %s", error)
            return
        if recall is not None and scope.collection is not None:
            self._keep(scope.collection, recall)

    def _keep(self, collection: str, recall: float) -> None:
        if collection not in self._kept and len(self._kept) >= _MAX_COLLECTIONS:
            return
        kept = self._kept.setdefault(collection, _Kept())
        kept.recalls.append(recall)
        mean = sum(kept.recalls) / len(kept.recalls)
        self._metrics.sampled_recall(collection, mean)
        now = time.monotonic()
        due = kept.warned_at is None or now - kept.warned_at >= _WARN_SECONDS
        if mean < self._floor and len(kept.recalls) >= _TELLING and due:
            kept.warned_at = now
            _log.warning(
                "the index of the collection %s finds %.1f %% of the %d nearest, by the last %d sampled "
                "questions; APP_RECALL_FLOOR asks for %.1f %%: raise APP_SEARCH_EF, which is %d",
                collection,
                100 * mean,
                SAMPLED_K,
                len(kept.recalls),
                100 * self._floor,
                self._ef,
            )
