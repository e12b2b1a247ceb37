"""Measuring the index."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency

from citewell.errors import Conflict, EmbedderUnavailable, EmbeddingRejected, StoreUnavailable
from citewell.model import checked_collection
from citewell.usecases import MeasureRecall
from citewell_entrypoints.http.bodies import read_json
from citewell_entrypoints.http.descriptions import RecallOperation, problems
from citewell_entrypoints.http.problems import BODY_TOO_SLOW, CONTENT_TOO_LARGE, INVALID_REQUEST
from citewell_entrypoints.http.recall_schemas import RecallReply, RecallRequest

__all__ = ["RecallMeasurement", "measure_recall"]

_decoder: Final = msgspec.json.Decoder(RecallRequest)


class RecallMeasurement:
    """MeasureRecall, one at a time, with what the settings say of it."""

    def __init__(self, measure: MeasureRecall, *, floor: float, ef: int) -> None:
        self._measure = measure
        self._floor = floor
        self._ef = ef
        self._alone = asyncio.Lock()

    async def __call__(self, asked: RecallRequest) -> RecallReply:
        """Raises Conflict while another one is measuring, and what MeasureRecall raises."""
        collection = checked_collection(asked.collection)
        if self._alone.locked():
            raise Conflict("another measurement is under way: try again when it is over")
        async with self._alone:
            recalls = await self._measure(collection, questions=asked.questions, k=asked.k)
        return RecallReply(recalls=list(recalls), k=asked.k, floor=self._floor, search_ef=self._ef)


@post(
    "/recall",
    status_code=200,
    tags=["search"],
    operation_id="measureRecall",
    summary="Measure how much the index finds",
    operation_class=RecallOperation,
    response_description="The recall of each question",
    responses=problems(
        INVALID_REQUEST,
        Conflict,
        BODY_TOO_SLOW,
        CONTENT_TOO_LARGE,
        EmbeddingRejected,
        EmbedderUnavailable,
        StoreUnavailable,
    ),
)
async def measure_recall(
    request: Request[Any, Any, Any], recall_measurement: NamedDependency[RecallMeasurement]
) -> RecallReply:
    """Hold the index of the vectors against exact searches.

    The questions are sentences of passages that are drawn by chance. Each takes an exact search of the whole
    collection.
    """
    return await recall_measurement(await read_json(request.receive, _decoder))
