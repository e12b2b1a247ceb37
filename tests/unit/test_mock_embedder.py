"""What MockEmbedder adds to the contract: the same bytes everywhere, similar texts near each other."""

from __future__ import annotations

import hashlib
import math
import os
import random
import subprocess
import sys
from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from citewell.errors import InvalidInput
from citewell.model import EmbeddingSpace, Vector
from citewell_adapters.mock import MockEmbedder
from citewell_adapters.mock.features import terms

QUALITY = Path(__file__).parents[3] / "shared" / "quality"
MANY_SCRIPTS = "The ferry, l’été, Straße 12, паром, 渡轮九点离开, नौका सुबह, 빠른, สุนัข, don't snake_case 👩‍🔬"

#: SHA-256 of that text's vector of 256 dimensions, as little-endian float32.
DIGEST = "50622ebf4fc7e3fcd20690ba0e5f14f4a4b2b956c2f29eacbbbeda948530f670"


async def vectors(*texts: str, dimensions: int = 1536) -> list[Vector]:
    return list(await MockEmbedder(dimensions=dimensions).embed(texts, role="passage"))


def cosine(one: Vector, other: Vector) -> float:
    return sum(x * y for x, y in zip(one, other, strict=True))


async def test_vectors_are_the_same_on_every_machine() -> None:
    """These bytes were computed once, for good."""
    [vector] = await vectors(MANY_SCRIPTS, dimensions=256)
    assert isinstance(vector, array)
    if sys.byteorder == "big":
        vector.byteswap()
    assert hashlib.sha256(vector.tobytes()).hexdigest() == DIGEST


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_vectors_are_the_same_in_every_process(hash_seed: str) -> None:
    """Also in one whose strings hash differently."""
    program = (
        "import asyncio, sys\n"
        "from citewell_adapters.mock import MockEmbedder\n"
        "[vector] = asyncio.run(MockEmbedder(dimensions=256).embed([sys.argv[1]], role='question'))\n"
        "if sys.byteorder == 'big': vector.byteswap()\n"
        "sys.stdout.buffer.write(vector.tobytes())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, MANY_SCRIPTS],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert hashlib.sha256(ran.stdout).hexdigest() == DIGEST


@pytest.mark.parametrize(
    ("text", "similar", "other"),
    [
        ("the ferry leaves at nine", "at nine the FERRY leaves", "the museum is closed on mondays"),
        ("retrieving documents", "document retrieval", "baking bread"),
        ("Straßenverkehrsordnung", "die Ordnung des Straßenverkehrs", "ein Rezept für Apfelkuchen"),
        ("渡轮九点离开港口", "渡轮几点离开?", "博物馆周一关闭"),
        ("паром отправляется в девять", "когда отправляется паром", "музей закрыт по понедельникам"),
        ("e\u0301te\u0301", "été", "hiver"),
        ("ﬁne ＡＢＣ", "fine abc", "rain xyz"),
    ],
)
async def test_texts_with_words_or_parts_of_words_in_common_are_near(
    text: str, similar: str, other: str
) -> None:
    """In any script, whatever the case, the order and the form of the characters."""
    one, near, far = await vectors(text, similar, other)
    assert cosine(one, near) > cosine(one, far) + 0.1


async def test_common_words_weigh_little() -> None:
    """What two texts are about counts for more than the words between."""
    question, same_topic, same_words = await vectors(
        "what is the cause of the fire", "fire: causes", "what is the name of the river"
    )
    assert cosine(question, same_topic) > cosine(question, same_words)


async def test_a_word_said_ten_times_says_little_more() -> None:
    """The weight of a word grows slower than its number."""
    once, often = await vectors("ferry harbour boat", "ferry " * 10 + "harbour boat")
    assert cosine(once, often) > 0.9


async def test_the_words_of_a_chunk_find_it_in_its_document() -> None:
    """8 to 12 of them in random order, among 100 chunks of one vocabulary, in 95 of 100 tries at least."""
    chance = random.Random(5)
    vocabulary = [
        "".join(chance.choices("abcdefghijklmnoprstuvwz", k=chance.randint(2, 9))) for _ in range(4000)
    ]
    frequency = [1 / (rank + 3) for rank in range(len(vocabulary))]
    chunks = [chance.choices(vocabulary, frequency, k=chance.randint(150, 200)) for _ in range(100)]
    assert await share_found(chunks, tries=200) >= 0.95


@pytest.mark.skipif(not QUALITY.exists(), reason="the collections for measuring are not beside the checkout")
async def test_the_words_of_a_chunk_find_it_in_real_text() -> None:
    """The same over the words of a real document, in 95 of 100 tries at least."""
    text = (QUALITY / "chunking_eval_docs" / "state_of_the_union.md").read_text(encoding="utf-8")
    words = text.split()
    chunks = [words[start : start + 180] for start in range(0, len(words), 180)]
    assert await share_found(chunks, tries=200) >= 0.95


async def share_found(chunks: Sequence[Sequence[str]], *, tries: int) -> float:
    chance, embedder, found = random.Random(11), MockEmbedder(), 0
    passages = await embedder.embed([" ".join(chunk) for chunk in chunks], role="passage")
    for _ in range(tries):
        target = chance.randrange(len(chunks))
        question = " ".join(chance.sample(chunks[target], min(len(chunks[target]), chance.randint(8, 12))))
        [vector] = await embedder.embed([question], role="question")
        scores = [cosine(vector, passage) for passage in passages]
        found += scores.index(max(scores)) == target
    return found / tries


async def test_a_text_without_words_has_the_first_axis() -> None:
    """A fixed vector, so that it is found by nothing in particular."""
    assert [list(vector) for vector in await vectors("", " \n", "…!?", dimensions=3)] == [[1.0, 0.0, 0.0]] * 3


async def test_any_string_has_a_vector() -> None:
    """Lone surrogates, control characters, a word of a million letters."""
    for vector in await vectors("\ud800 x", "\0\x1f\u200b", "a" * 1_000_000, "字" * 10_000, dimensions=64):
        assert math.hypot(*vector) == pytest.approx(1.0, abs=1e-5)


async def test_the_cache_of_words_is_bounded() -> None:
    """A process that sees ever new words does not grow for ever."""
    embedder = MockEmbedder(dimensions=8)
    await embedder.embed([" ".join(f"w{number}" for number in range(40_000))], role="passage")
    info = embedder._features.cache_info()
    assert info.maxsize is not None
    assert info.currsize <= info.maxsize < 40_000


@pytest.mark.parametrize("dimensions", [0, 4001])
def test_other_dimensions_are_refused(dimensions: int) -> None:
    """1 to 4000."""
    with pytest.raises(InvalidInput):
        MockEmbedder(dimensions=dimensions)


def test_the_space_is_named_after_it() -> None:
    """So that a store tells its vectors from a model's."""
    assert MockEmbedder().space == EmbeddingSpace("mock", 1536)
    with pytest.raises(InvalidInput):
        MockEmbedder(max_tokens=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop_me 42", ["don", "t", "stop", "me", "42"]),
        ("L’ÉTÉ Straße", ["l", "été", "strasse"]),
        ("渡轮九点", ["渡轮", "轮九", "九点"]),
        ("九 ferry九点ferry", ["九", "ferry", "九点", "ferry"]),
        ("नौका सुबह।", ["नौका", "सुबह"]),
        ("שָׁלוֹם سَلام", ["שָׁלוֹם", "سَلام"]),
    ],
)
def test_texts_are_cut_into_words(text: str, expected: list[str]) -> None:
    """Marks belong to their words; scripts without spaces give pairs of characters."""
    assert list(terms(text)) == expected


def test_ascii_texts_are_cut_as_others_are() -> None:
    """The short way gives the same words as the long one."""
    text = "The quick_brown Fox's 3.14 (jumps)\tover-the LAZY dog\x1f#1"
    assert [*terms(text), "é"] == list(terms(text + " é"))
    assert all(one != other for one, other in pairwise(terms(text)))
