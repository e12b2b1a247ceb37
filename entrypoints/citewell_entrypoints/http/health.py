"""Whether the process lives, and whether it can serve."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final, Literal

import structlog
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from msgspec import Meta, Struct

from citewell.errors import CitewellError
from citewell_entrypoints.probes import Probe

__all__ = ["Alive", "PartState", "Readiness", "ReadinessProbes", "check_liveness", "check_readiness"]

_PROBE_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = "2"
#: Without them questions are answered: what uploads need of them waits, or is refused one by one.
_DISPENSABLE: Final = frozenset({"queue", "blobs"})

_log = structlog.get_logger("citewell.http")


class Alive(Struct, frozen=True):
    """The process answers."""

    status: Literal["alive"] = "alive"


class PartState(Struct, frozen=True):
    """Whether one part is ready."""

    state: Literal["ready", "failing"]
    detail: Annotated[str, Meta(description="version or state if it is ready, else what is wrong")]


class Readiness(Struct, frozen=True):
    """Whether requests can be served, and which part stands in the way."""

    status: Annotated[
        Literal["ready", "degraded", "failing"],
        Meta(
            description="`degraded`: questions are answered; uploads are taken and wait while the queue is "
            "away, and are refused with 503 while the blob store is"
        ),
    ]
    parts: Annotated[
        dict[str, PartState],
        Meta(
            description="every part by its name",
            examples=[{"database": {"state": "ready", "detail": "PostgreSQL 18.1, schema at head"}}],
        ),
    ]


class ReadinessProbes:
    """Asks every part at the same time; one that takes longer than 2 seconds counts as failing."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = probes

    async def __call__(self) -> Readiness:
        states = await asyncio.gather(*(_state(name, probe) for name, probe in self._probes.items()))
        parts = dict(zip(self._probes, states, strict=True))
        away = {name for name, part in parts.items() if part.state == "failing"}
        if not away:
            return Readiness("ready", parts)
        return Readiness("degraded" if away <= _DISPENSABLE else "failing", parts)


async def _state(name: str, probe: Probe) -> PartState:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            return PartState("ready", await probe())
    except TimeoutError:
        return PartState("failing", f"no answer within {_PROBE_SECONDS:g} seconds")
    except CitewellError as error:
        return PartState("failing", str(error))
    except Exception as error:  # noqa: BLE001 - whatever a part does, the others are to be heard
        _log.warning("the probe of a part failed", part=name, exc_info=error)
        return PartState("failing", f"{type(error).__name__}; see the log")


@get(
    "/livez",
    tags=["health"],
    operation_id="checkLiveness",
    response_description="It is",
    summary="Is the process alive?",
)
async def check_liveness() -> Alive:
    """200 as long as the process answers; looks at nothing else."""
    return Alive()


@get(
    "/readyz",
    tags=["health"],
    operation_id="checkReadiness",
    response_description="Requests are served",
    summary="Can it serve requests?",
    responses={
        503: ResponseSpec(
            Readiness, generate_examples=False, description="A part is away; `parts` says which"
        )
    },
)
async def check_readiness(readiness: NamedDependency[ReadinessProbes]) -> Response[Readiness]:
    """200 if the database answers and its schema is up to date.

    `degraded` if the queue or the blob store is away: questions are answered. Without the queue uploads are
    taken, and ingested when it is back; without the blob store they are refused with 503.
    """
    found = await readiness()
    if found.status != "failing":
        return Response(found)
    return Response(
        found, status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": _RETRY_SECONDS}
    )
