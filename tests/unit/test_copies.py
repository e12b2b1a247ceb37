"""Which passages are copies of each other."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.model import Chunk, DocumentId, Hit, Span
from citewell.ranking import Distinct

LONG = (
    "The lamp on the north mole shows two white flashes every twelve seconds and is seen for eleven miles in "
    "clear weather, and the keeper winds the clockwork each evening before he goes to bed in the tower."
)


def hit(text: str, number: int = 0) -> Hit:
    """A hit of the document of this number."""
    chunk = Chunk(3, Span(5, 5 + len(text)), text, 2, 4, (), 1)
    return Hit(DocumentId(UUID(int=number)), f"{number}.txt", "default", "", chunk, 0.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Closed on Mondays.", "closed  on\nMONDAYS"),
        ("Straße", "STRASSE!"),
        ("ﬁve “ferries”", "five ferries"),
        ("星期一关闭。", "星期一关闭"),
        (LONG + LONG, LONG.replace("eleven", "many") + LONG),
        (
            "是" + "在每天的晚上我们都会看到海边的灯塔发出白色的光" * 2,
            "在每天的晚上我们都会看到海边的灯塔发出白色的光" * 2,
        ),
    ],
    ids=["signs", "case", "forms", "Chinese", "a word of seventy", "a character of forty"],
)
def test_the_same_text_is_one(one: str, other: str) -> None:
    """But for case, white space and punctuation, or for a word in many."""
    distinct = Distinct([hit(one, 1), hit(other, 2)])
    [kept] = distinct.hits
    assert kept.ref == hit(one, 1).ref
    [place] = kept.also_in
    assert (place.document_name, place.chunk_index) == ("2.txt", 3)
    assert (place.span, place.first_page, place.last_page) == (Span(5, 5 + len(other)), 2, 4)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Closed on Mondays.", "Closed on Sundays."),
        ("Profit: 1.5 million", "Profit: 15 million"),
        (LONG + " In 2023.", LONG + " In 2024."),
        (LONG, LONG + " " + LONG[::-1]),
        ("किताब", "कताब"),
        (LONG, " ".join(LONG.split()[::-1])),
    ],
    ids=["a word", "a number", "a year", "twice as long", "a vowel sign", "another order"],
)
def test_what_differs_in_what_it_says_is_two(one: str, other: str) -> None:
    """Short texts in a word, long ones in a number."""
    assert [kept.also_in for kept in Distinct([hit(one, 1), hit(other, 2)]).hits] == [(), ()]


@given(
    st.lists(
        st.sampled_from(["a b", "A, b", "c", LONG, LONG.upper(), LONG.replace("two", "four")]), max_size=12
    )
)
def test_nothing_is_lost(texts: list[str]) -> None:
    """Each hit is kept or listed once, and the first of its kind is kept."""
    hits = [hit(text, number) for number, text in enumerate(texts)]
    distinct = Distinct(hits)
    kept = distinct.hits
    assert len(distinct) == len(kept)
    places = [place for each in kept for place in (each.place, *each.also_in)]
    assert sorted(place.document_id.int for place in places) == list(range(len(texts)))
    assert all(each.document_id < place.document_id for each in kept for place in each.also_in)
    assert [each.document_id for each in kept] == sorted(each.document_id for each in kept)
