"""What a reply lacks, and why."""

from __future__ import annotations

import pytest

from citewell.errors import (
    CitewellError,
    EmbedderUnavailable,
    EmbeddingRejected,
    LLMRejected,
    LLMUnavailable,
    Reason,
    StoreUnavailable,
)
from citewell.model import Answer, Degradation, Found, each_part_once
from citewell.usecases import StandaloneQuestion

LATE = Degradation("llm", Reason.TIMEOUT)
AWAY = Degradation("embedder", Reason.UNAVAILABLE)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(), Reason.TIMEOUT),
        (LLMUnavailable("no reply"), Reason.UNAVAILABLE),
        (EmbedderUnavailable(reason=Reason.CIRCUIT_OPEN), Reason.CIRCUIT_OPEN),
        (LLMUnavailable("too many", reason=Reason.BUSY), Reason.BUSY),
        (LLMRejected("no such key"), Reason.REJECTED),
        (EmbeddingRejected(), Reason.REJECTED),
    ],
)
def test_an_error_says_why(error: CitewellError | TimeoutError, reason: Reason) -> None:
    """Not by its words."""
    assert Degradation.of("llm", error) == Degradation("llm", reason)


def test_what_is_away_is_unavailable_unless_it_says_otherwise() -> None:
    """With the usual message where there is none."""
    assert (str(StoreUnavailable()), StoreUnavailable().reason) == (
        "The database does not answer.",
        Reason.UNAVAILABLE,
    )


def test_a_part_is_missing_once() -> None:
    """For the first reason that was found."""
    assert each_part_once([LATE, AWAY, Degradation("llm", Reason.BUSY)]) == (LATE, AWAY)


def test_whoever_wants_names_has_them() -> None:
    """In their order."""
    parts = (LATE, AWAY)
    assert Found((), degradations=parts).degraded == ("llm", "embedder")
    assert Answer(None, (), degradations=parts).degraded == ("llm", "embedder")
    assert StandaloneQuestion("x", parts).degraded == ("llm", "embedder")
    assert Found(()).degraded == ()
