"""Every error has a kind of problem."""

from __future__ import annotations

import re

import pytest

from citewell import errors
from citewell.errors import CitewellError
from citewell_entrypoints.http.problems import INTERNAL_ERROR, kind_of

ALL_ERRORS: list[type[CitewellError]] = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (errors.DocumentNotFound, 404, "document-not-found"),
        (errors.DocumentNotReady, 409, "document-not-ready"),
        (errors.ContentTooLarge, 413, "content-too-large"),
        (errors.UnsupportedMediaType, 415, "unsupported-media-type"),
        (errors.InvalidInput, 400, "invalid-request"),
        (errors.Conflict, 409, "conflict"),
        (errors.KeyReused, 422, "idempotency-key-reused"),
        (errors.TooMuchQueued, 429, "too-much-queued"),
        (errors.ContentMissing, 500, "content-missing"),
        (errors.DimensionMismatch, 500, "dimension-mismatch"),
        (errors.SpaceMismatch, 500, "space-mismatch"),
        (errors.EmbeddingRejected, 502, "embedding-rejected"),
        (errors.StoreUnavailable, 503, "store-unavailable"),
        (errors.BlobsUnavailable, 503, "blobs-unavailable"),
        (errors.QueueUnavailable, 503, "queue-unavailable"),
        (errors.EmbedderUnavailable, 503, "embedder-unavailable"),
        (errors.LLMUnavailable, 503, "unavailable"),
    ],
)
def test_an_error_has_its_kind(error: type[CitewellError], status: int, name: str) -> None:
    """One table from errors to statuses and types."""
    kind = kind_of(error)
    assert (kind.status, kind.type) == (status, f"urn:citewell:problem:{name}")


def test_an_error_of_a_new_class_is_of_the_kind_of_its_base() -> None:
    """An adapter of one's own may raise classes of its own."""

    class MyStoreIsAway(errors.StoreUnavailable):
        """It is away."""

    assert kind_of(MyStoreIsAway).name == "store-unavailable"


def test_an_error_without_a_kind_is_an_internal_one() -> None:
    """What should not come up to here is no caller's fault."""
    assert kind_of(errors.StaleLease) is INTERNAL_ERROR
    assert kind_of(CitewellError) is INTERNAL_ERROR


@pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda error: error.__name__)
def test_every_kind_is_fit_for_a_reply(error: type[CitewellError]) -> None:
    """A name for a URN, an error status, a title; and who is to come back is told when."""
    kind = kind_of(error)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.name)
    assert 400 <= kind.status < 600
    assert kind.title
    assert (kind.status in {429, 503}) == (kind.retry_after_seconds is not None)
