"""What the reranker without a model looks at, each thing by itself."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from citewell.lexical import WordEncoder
from citewell.model import Chunk, DocumentId, Hit, Span
from citewell.ranking import HeuristicReranker

FILLER = "one two three four five six seven eight nine ten "


def hit(
    text: str, *, name: str = "a.txt", headings: Sequence[str] = (), index: int = 0, score: float = 0.5
) -> Hit:
    """A hit of a document of its own."""
    chunk = Chunk(index, Span(0, len(text)), text, 1, 1, tuple(headings), 1)
    return Hit(
        DocumentId(UUID(int=abs(hash((text, name))))), name, "default", "", chunk, 0.0, relevance=score
    )


async def better(question: str, one: Hit, other: Hit) -> bool:
    """Whether one is judged better than the other, and not as good."""
    first, second = await HeuristicReranker(WordEncoder()).score(question, [one, other])
    assert first != second
    return first > second


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("red lamp", "the red lamp of the mole", "the lamp of the red mole, so tall"),
        ("red lamp", "a lamp that is red", "red " + FILLER * 5 + " lamp"),
        (
            "harbour lamp keeper",
            "keeper of the harbour lamp",
            "harbour " + FILLER * 4 + "lamp " + FILLER * 4 + "keeper",
        ),
        ("东京渡轮", "东京渡轮九点离开", "渡轮从大阪到东京" + "的海" * 30),
    ],
    ids=["together", "near", "in one stretch", "without spaces"],
)
async def test_words_that_stand_together_count_more(question: str, one: str, other: str) -> None:
    """Both passages have all of the words, and were ranked alike."""
    assert await better(question, hit(one), hit(other))


async def test_headings_and_names_count() -> None:
    """A passage need not repeat what it stands under."""
    text = "It is closed on Mondays."
    assert await better("When is the museum open?", hit(text, headings=["The museum"]), hit(text))
    assert await better("When is the museum open?", hit(text, name="city-museum_2024.pdf"), hit(text))


async def test_a_number_in_a_name_counts_beside_a_word_alone() -> None:
    """`17.txt` says nothing of 17; `report_2024.pdf` says something of the report of 2024."""
    first, second = await HeuristicReranker(WordEncoder()).score(
        "What did they earn in 17?",
        [hit("They earn much.", name="17.txt"), hit("They earn much.", name="b.txt")],
    )
    assert first == second
    question = "What did the report of 2024 say?"
    text = "The profit grew."
    assert await better(question, hit(text, name="report_2024.pdf"), hit(text, name="report_2023.pdf"))


async def test_the_first_passages_come_first_among_equals() -> None:
    """They tell what a document is about."""
    assert await better("lamp", hit("The lamp."), hit("The lamp!", index=7))


async def test_where_nothing_speaks_for_another_order_the_order_stays() -> None:
    """The ranking counts more than all the rest can where the words say nothing."""
    hits = [hit(f"{FILLER} number {n}", score=1 - n / 10, index=n) for n in range(8)]
    scores = await HeuristicReranker(WordEncoder()).score("ferry", hits)
    assert sorted(scores, reverse=True) == scores
    assert len(set(scores)) == len(scores)


async def test_no_score_leaves_its_range() -> None:
    """A passage that has everything is at most 1."""
    best = hit("red lamp", headings=["red lamp"], name="red lamp.txt", score=1.0)
    [alone] = await HeuristicReranker(WordEncoder()).score("red lamp", [best])
    first, second = await HeuristicReranker(WordEncoder()).score(
        "red lamp", [best, best._replace(relevance=0.0)]
    )
    assert 0 <= second < first <= alone <= 1
