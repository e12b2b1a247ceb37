"""The contract of Embedder."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from itertools import pairwise

import pytest

from citewell.errors import DimensionMismatch, EmbedderUnavailable, EmbeddingRejected
from citewell.model import EmbeddingSpace, Vector
from citewell.ports import Embedder, EmbeddingRole

__all__ = ["EmbedderContract", "RemoteEmbedderContract"]

ROLES: tuple[EmbeddingRole, ...] = ("passage", "question")
#: Plain and odd ones: other scripts, marks, symbols, control characters, a long word.
TEXTS = (
    "The ferry leaves the harbour at nine.",
    "Die Fähre verlässt den Hafen um neun Uhr; für 12,50 € fährt sie zurück.",
    "Паром отправляется из гавани в девять часов.",
    "渡轮九点离开港口。フェリーは九時に出港します。",
    "नौका सुबह नौ बजे बंदरगाह से निकलती है",
    "def leave(harbour: str) -> int:\n\treturn departures[harbour] - 3.14e-10\n",
    "👩‍🔬 ﬁne print № 5\u00a0½ \u200b zero\u0000width \r\n\r\n e\u0301",
    "pneumonoultramicroscopicsilicovolcanoconiosis" * 5,
)


def cosine(one: Vector, other: Vector) -> float:
    return math.fsum(x * y for x, y in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))


def nearly_equal(one: Vector, other: Vector) -> bool:
    return cosine(one, other) >= 0.999


@pytest.mark.asyncio
class EmbedderContract:
    """Override `embedder` with one that is ready for use."""

    @pytest.fixture
    def embedder(self) -> Embedder:
        raise NotImplementedError("override the fixture embedder")

    async def test_its_space_has_a_name_and_dimensions_and_stays(self, embedder: Embedder) -> None:
        """The space of every vector that this embedder makes."""
        before = embedder.space
        assert isinstance(before, EmbeddingSpace)
        await embedder.embed([TEXTS[0]], role="passage")
        assert embedder.space == before

    @pytest.mark.parametrize("role", ROLES)
    async def test_every_text_gets_a_vector_of_the_space(
        self, embedder: Embedder, role: EmbeddingRole
    ) -> None:
        """One vector per text: `space.dimensions` floats."""
        vectors = await embedder.embed(TEXTS, role=role)
        assert len(vectors) == len(TEXTS)
        for vector in vectors:
            assert len(vector) == embedder.space.dimensions
            assert all(math.isfinite(component) for component in vector)

    @pytest.mark.parametrize("role", ROLES)
    async def test_vectors_have_length_one(self, embedder: Embedder, role: EmbeddingRole) -> None:
        """L2-normalised."""
        for vector in await embedder.embed(TEXTS, role=role):
            assert math.hypot(*vector) == pytest.approx(1.0, abs=1e-4)

    @pytest.mark.parametrize("role", ROLES)
    async def test_vectors_come_in_the_order_of_the_texts(
        self, embedder: Embedder, role: EmbeddingRole
    ) -> None:
        """In the order of the texts; equal up to rounding, alone or among others."""
        together = await embedder.embed(TEXTS, role=role)
        for text, vector in zip(TEXTS, together, strict=True):
            [alone] = await embedder.embed([text], role=role)
            assert nearly_equal(alone, vector)

    async def test_many_texts_at_once_keep_their_order(self, embedder: Embedder) -> None:
        """One vector per text, in the order of the texts."""
        texts = [f"{text} {'ferry ' * number}" for number in range(18) for text in TEXTS]
        forwards = await embedder.embed(texts, role="passage")
        backwards = await embedder.embed(texts[::-1], role="passage")
        assert all(map(nearly_equal, forwards, reversed(backwards)))

    @pytest.mark.parametrize("role", ROLES)
    async def test_equal_texts_get_equal_vectors(self, embedder: Embedder, role: EmbeddingRole) -> None:
        """Equal texts of one role get vectors that are equal up to rounding (cosine at least 0.999)."""
        first, *others = await embedder.embed([TEXTS[0], TEXTS[1], TEXTS[0]], role=role)
        [again] = await embedder.embed([TEXTS[0]], role=role)
        assert nearly_equal(first, others[1])
        assert nearly_equal(first, again)

    async def test_no_texts_give_no_vectors(self, embedder: Embedder) -> None:
        """No texts give no vectors."""
        assert len(await embedder.embed([], role="passage")) == 0

    @pytest.mark.parametrize("role", ROLES)
    async def test_the_empty_text_has_a_vector(self, embedder: Embedder, role: EmbeddingRole) -> None:
        """The empty text has a vector too; so has white space."""
        alone = await embedder.embed([""], role=role)
        among = await embedder.embed([TEXTS[0], "", " \n\t "], role=role)
        for vector in (*alone, *among):
            assert len(vector) == embedder.space.dimensions
            assert math.hypot(*vector) == pytest.approx(1.0, abs=1e-4)

    async def test_calls_may_overlap(self, embedder: Embedder) -> None:
        """Calls may overlap."""
        apart = [(await embedder.embed([text], role="passage"))[0] for text in TEXTS]
        calls = [embedder.embed([text], role="passage") for text in TEXTS]
        for vector, [overlapping] in zip(apart, await asyncio.gather(*calls), strict=True):
            assert nearly_equal(vector, overlapping)

    async def test_tokens_are_counted(self, embedder: Embedder) -> None:
        """What `text` costs: 0 for the empty text."""
        assert embedder.count_tokens("") == 0
        assert all(embedder.count_tokens(text) > 0 for text in TEXTS)

    async def test_a_longer_text_costs_no_less(self, embedder: Embedder) -> None:
        """Never less for a longer text than for its prefix."""
        for text in TEXTS:
            counts = [embedder.count_tokens(prefix) for prefix in prefixes(text)]
            assert all(shorter <= longer for shorter, longer in pairwise(counts))

    async def test_a_text_of_max_tokens_is_embedded_whole(self, embedder: Embedder) -> None:
        """The longest text that is embedded whole: its last word makes a difference."""
        start = longest_start(embedder, spare=max(map(embedder.count_tokens, (" omega", " zebra"))))
        texts = [start + " omega", start + " zebra"]
        assert all(embedder.count_tokens(text) <= embedder.max_tokens for text in texts)
        omega, zebra = await embedder.embed(texts, role="passage")
        assert list(omega) != list(zebra)


@pytest.mark.asyncio
class RemoteEmbedderContract(EmbedderContract):
    """For embedders that can fail; override these fixtures too."""

    @pytest.fixture
    def unavailable_embedder(self) -> Embedder:
        """One whose model does not answer for the moment."""
        raise NotImplementedError("override the fixture unavailable_embedder")

    @pytest.fixture
    def rejecting_embedder(self) -> Embedder:
        """One whose model refuses the request."""
        raise NotImplementedError("override the fixture rejecting_embedder")

    @pytest.fixture
    def mismatched_embedder(self) -> Embedder:
        """One whose model gives vectors of other dimensions than it was told."""
        raise NotImplementedError("override the fixture mismatched_embedder")

    async def test_a_model_that_is_away_is_unavailable(self, unavailable_embedder: Embedder) -> None:
        """Raises EmbedderUnavailable where a later try may succeed."""
        with pytest.raises(EmbedderUnavailable):
            await unavailable_embedder.embed([TEXTS[0]], role="question")

    async def test_a_refusal_for_good_is_a_rejection(self, rejecting_embedder: Embedder) -> None:
        """Raises EmbeddingRejected where it cannot."""
        with pytest.raises(EmbeddingRejected):
            await rejecting_embedder.embed([TEXTS[0]], role="question")

    async def test_vectors_that_do_not_fit_are_refused(self, mismatched_embedder: Embedder) -> None:
        """DimensionMismatch if the model's vectors do not fit."""
        with pytest.raises(DimensionMismatch):
            await mismatched_embedder.embed([TEXTS[0]], role="passage")


def prefixes(text: str) -> Sequence[str]:
    """The prefixes that end where a word ends, and the text."""
    ends = [end for end in range(1, len(text)) if text[end].isspace() and not text[end - 1].isspace()]
    return ["", *(text[:end] for end in ends), text]


def longest_start(embedder: Embedder, *, spare: int) -> str:
    """A text that costs what leaves `spare` tokens."""
    words = " ".join(TEXTS[:2]).split()

    def start(length: int) -> str:
        return " ".join(words[position % len(words)] for position in range(length))

    low, high = 0, embedder.max_tokens
    while low < high:
        middle = (low + high + 1) // 2
        if embedder.count_tokens(start(middle)) + spare <= embedder.max_tokens:
            low = middle
        else:
            high = middle - 1
    return start(low)
