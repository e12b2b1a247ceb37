"""Which citations of a model hold, and what is left of its text."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from tests.answered import hit, passage

from citewell.answering import CitationReader, NormalText, context_of_hits
from citewell.model import Hit, Span

LAMP = "The lamp on the mole shows two white flashes every twelve\nseconds. It is seen for nine miles."
TEA = "The keeper’s tea is “cold” — and the ﬂag is red."
HITS = (hit(LAMP, start=100, pages=(3, 4)), hit(TEA, document=2, start=50))


def read(said: str, hits: Sequence[Hit] = HITS, *, pieces: int = 1) -> CitationReader:
    """A reader that was given this in pieces of so many characters."""
    reader = CitationReader(context_of_hits(hits, max_tokens=4_000), hits)
    given = [reader.feed(said[at : at + pieces]) for at in range(0, len(said), pieces)]
    given.append(reader.end())
    assert "".join(given) == reader.text
    for citation in reader.citations:
        assert citation.place.of(reader.text) == f"[{citation.source + 1}]"
        chunk = hits[citation.source].chunk
        if chunk.span.start <= citation.span.start and citation.span.end <= chunk.span.end:
            start = citation.span.start - chunk.span.start
            assert chunk.text[start : start + len(citation.quote)] == citation.quote
        assert len(citation.quote) == len(citation.span)
    return reader


def test_a_quote_is_found_at_its_span() -> None:
    """White space is no difference; the quote is the revision's own text."""
    reader = read('It flashes [1: "two white flashes every twelve seconds"].')
    assert (reader.text, reader.removed) == ("It flashes [1].", 0)
    [citation] = reader.citations
    assert citation.quote == "two white flashes every twelve\nseconds"
    assert citation.span == Span(127, 165)
    assert (citation.place, citation.source, citation.quoted) == (Span(11, 14), 0, True)
    assert (citation.document_id, citation.sha256) == (HITS[0].document_id, HITS[0].sha256)
    assert (citation.first_page, citation.last_page) == (3, 4)


@pytest.mark.parametrize(
    ("said", "quote"),
    [
        ('[2: "THE KEEPER\'S TEA"]', "The keeper’s tea"),
        ("[2: “tea is \"cold\" - and”]", "tea is “cold” — and"),
        ('[2: "flag is red"]', "ﬂag is red"),
        ('[2:"is red."]', "is red."),
        ('[2: "the flag is red!…"]', None),
        ('[2: "The keeper\'s tea..."]', "The keeper’s tea"),
        ('[2 : "tea  is"]', "tea is"),
        ('[Source 2: "tea is"]', "tea is"),
        ('[passage 2: "tea is"]', "tea is"),
        ("[2: tea is]", "tea is"),
        ("[2: 'keeper's tea']", "keeper’s tea"),
        ('[2: "the flag is blue"]', None),
        ('[2: "eeper\'s te"]', None),
        ('[2: "the ... flag"]', None),
        ('[2: ""]', None),
        ('[2: "—"]', None),
        ('[2: "two white flashes"]', None),
        ('[3: "tea is"]', None),
        ('[0: "tea is"]', None),
        ('[99]', None),
    ],
)  # fmt: skip
def test_which_quotes_hold(said: str, quote: str | None) -> None:
    """White space, case and typography may differ; other words, parts of words and other passages may not."""
    reader = read(f"So it is {said}.", pieces=3)
    assert [citation.quote for citation in reader.citations] == ([] if quote is None else [quote])
    assert reader.removed == (quote is None)
    assert reader.text == ("So it is." if quote is None else "So it is [2].")


def test_a_label_alone_cites_the_sentence_that_fits_best() -> None:
    """By the words of the statement before it; the whole source where none is shared."""
    reader = read("Nothing else. It can be seen for nine miles [1]. La bandera [2].")
    first, second = reader.citations
    assert (first.quote, first.quoted) == ("It is seen for nine miles.", False)
    assert (second.quote, second.span) == (TEA, Span(50, 50 + len(TEA)))


def test_several_citations_in_one_bracket() -> None:
    """Each stands or falls by itself."""
    reader = read('It is so [1: "nine miles"; 2: "cold", "warm"; 7] [1, 2] [2: "tea", "flag"][1].')
    assert reader.text == "It is so [1][2] [1][2] [2][2][1]."
    assert reader.removed == 2
    assert len(reader.citations) == 7


def test_a_quote_may_hold_brackets_and_quotation_marks() -> None:
    """A citation ends where its syntax does."""
    text = 'He said "see [4], or [5]", and left.'
    reader = read('He spoke [1: "said "see [4], or [5]", and left"].', [hit(text)])
    assert reader.text == "He spoke [1]."
    assert reader.citations[0].quote == 'said "see [4], or [5]", and left'


def test_other_brackets_are_text() -> None:
    """Years, words, code, a bracket at the end."""
    said = "In [2024] he [sic] wrote a[i] and [ x ] and [1234: x] and [1 to 3] [link](x) ["
    reader = read(said)
    assert (reader.text, reader.removed, reader.citations) == (said, 0, ())


def test_what_was_cut_off_is_no_citation() -> None:
    """A model that reached its bound in the middle of one."""
    for cut in ('It is seen [1: "nine mi', "It is seen [1", "It is seen [1: ", 'It is seen [1: "nine miles"'):
        reader = read(cut)
        assert (reader.text, reader.removed) == ("It is seen", 1)


def test_a_bracket_that_never_closes_does_not_hold_the_text_back() -> None:
    """After so many characters it is text."""
    reader = CitationReader(context_of_hits(HITS, max_tokens=4_000), HITS)
    reader.feed('So [1: "')
    given = "".join(reader.feed("never ends ") for _ in range(400))
    assert given.startswith(' [1: "never ends')


def test_a_quote_of_merged_chunks_names_the_source_that_has_it() -> None:
    """The label is that of the best; the number in the text is that of the source with the quote."""
    hits = [hit("The lamp is red.", start=0), hit("The keeper sleeps.", index=1, start=17, pages=(2, 2))]
    reader = read('He sleeps [1: "keeper sleeps"], it is red [1: "lamp is red"].', hits)
    assert reader.text == "He sleeps [2], it is red [1]."
    assert [(each.source, each.first_page) for each in reader.citations] == [(1, 2), (0, 1)]
    assert read("He sleeps [2].", hits).removed == 1


def test_a_citation_has_the_pages_of_its_quote() -> None:
    """Told by the separators of pages; those of all that was read where these do not tell."""
    text = "The lamp\fis red.\fThe keeper sleeps."
    said = 'So [1: "lamp is"] [1: "keeper"] [1: "lamp"].'
    reader = read(said, [hit(text, start=9, pages=(4, 6))])
    assert [(each.first_page, each.last_page) for each in reader.citations] == [(4, 5), (6, 6), (4, 4)]
    reader = read(said, [hit(text, start=9, pages=(4, 9))])
    assert [(each.first_page, each.last_page) for each in reader.citations] == [(4, 9)] * 3


def test_a_quote_in_the_neighbourhood_of_a_hit() -> None:
    """`expand`: what the model read is what it may quote, with the passage's pages."""
    around = passage("One two three.", start=0, chunks=(0, 2), pages=(1, 3))
    reader = read('So [1: "two three"].', [hit("two", index=1, start=4, pages=(2, 2), expanded=around)])
    [citation] = reader.citations
    assert (citation.quote, citation.first_page, citation.last_page) == ("two three", 1, 3)


def test_the_text_is_the_same_however_it_is_cut_into_pieces() -> None:
    """Pieces of any length, of citations that hold and others."""
    chance = random.Random(7)
    parts = [
        "It is seen", " far", ".", "\n", " ", "  ", "[", "]", "[1]", "[2]", "[9]", '[1: "nine miles"]',
        '[1: "ten miles"]', '[2: "cold"; 1]', "[x]", "[1", ": ", '"', "’", "[1: nine", " and ", "[2024]",
    ]  # fmt: skip
    for _ in range(300):
        said = "".join(chance.choices(parts, k=chance.randrange(1, 12)))
        whole = read(said, pieces=len(said))
        for pieces in (1, 2, 5):
            other = read(said, pieces=pieces)
            assert (other.text, other.citations, other.removed) == (
                whole.text,
                whole.citations,
                whole.removed,
            ), said
        assert whole.text == whole.text.strip()


def test_planted_citations_are_all_removed() -> None:
    """A hundred answers, each with citations that hold and such that do not: the former alone are left."""
    chance = random.Random(6)
    text = " ".join(
        f"Lamp {number} of the coast burns {chance.randrange(10**6)} hours." for number in range(60)
    )
    hits = [hit(text[at : at + 900], index=at // 900, start=at, document=at) for at in range(0, 2_700, 900)]
    for _ in range(100):
        source = chance.randrange(3)
        words = hits[source].chunk.text.split(" ")
        start = chance.randrange(1, len(words) - 6)
        quote = " ".join(words[start : start + 5])
        lies = [f'[{source + 1}: "{quote} not"]', f'[{chance.randrange(4, 99)}: "{quote}"]', "[77]"]
        said = [f'[{source + 1}: "{quote}"]', *chance.sample(lies, chance.randrange(4))]
        chance.shuffle(said)
        reader = read("It burns " + " and ".join(said) + ".", hits, pieces=chance.randrange(1, 9))
        [citation] = reader.citations
        assert (citation.quote, citation.source, reader.removed) == (quote, source, len(said) - 1)
        assert text[citation.span.start : citation.span.end] == quote


def test_scripts_without_spaces_have_no_word_boundaries() -> None:
    """A part of a line of Chinese is a quote."""
    assert NormalText("灯塔的光可以看见九英里").find("光可以看见") == Span(3, 8)
