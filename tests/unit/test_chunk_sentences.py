"""Where SentenceChunker cuts."""

from __future__ import annotations

import time

import pytest

from citewell.chunking import SentenceChunker
from citewell.chunking.breaks import Strength, breaks
from citewell.errors import InvalidInput
from citewell.model import Heading


def _words(text: str) -> int:
    return len(text.split())


def _passages(
    text: str, *, max_tokens: int, overlap_tokens: int = 0, headings: tuple[int, ...] = ()
) -> list[str]:
    chunker = SentenceChunker(max_tokens=max_tokens, overlap_tokens=overlap_tokens, count_tokens=_words)
    titles = [Heading(start, 1, "Title") for start in headings]
    return [span.of(text) for span in chunker.split(text, headings=titles)]


def _sentences(text: str) -> list[str]:
    ends = [place.end for place in breaks(text) if place.strength >= Strength.SENTENCE]
    starts = [place.resume for place in breaks(text) if place.strength >= Strength.SENTENCE]
    return [text[start:end] for start, end in zip([0, *starts], [*ends, len(text)], strict=True)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["One sentence.", "Another one!", "A third?", "And so on…", "The end"],
        ["He said: “Go home.”", "She went.", "(It was late.)", "*Nobody* saw it."],
        ["Dr. Meier met Mrs. J. R. Smith at 5 p.m. in the U.S. capital.", "They spoke."],
        ["It costs 3.14 dollars (see No. 5, Fig. 2).", "Version 1.2.3 is out.", "So is www.example.com."],
        ["Am 3. Oktober war es z.B. in Berlin bzw. Bonn kalt.", "Dann nicht."],
        ["„Wirklich?“ fragte er.", "„Ja.“"],
        ["all of this is written in lower case.", "nothing else shows where it ends.", "but it ends."],
        ["Tu viens ?", "Oui !", "Bon... alors va.", "Quoi ?!", "Rien"],
        ["It rose to 7 million.[12]", "Then it fell.[3][4]", "Then nothing."],
        ["他说你好。", "真的吗？", "「是的！」", "然后走了。"],
        ["価格は3．5円です。", "高い。"],
        ["यह पहला वाक्य है।", "यह दूसरा है॥", "तीसरा"],
        ["هل هذا سؤال؟", "نعم.", "انتهى"],
    ],
    ids=lambda sentences: sentences[0][:20],
)
def test_sentences_are_found_in_many_languages(sentences: list[str]) -> None:
    """Abbreviations, initials, ordinals and decimal numbers end no sentence."""
    glue = "" if sentences[0].endswith("。") else " "
    assert _sentences(glue.join(sentences)) == sentences


def test_a_sentence_goes_on_over_the_end_of_a_line_and_of_a_page() -> None:
    """A form feed separates pages and is white space like any other."""
    text = "This sentence goes\non over two lines and\fover two pages. Then another begins."
    assert _sentences(text) == [
        "This sentence goes\non over two lines and\fover two pages.",
        "Then another begins.",
    ]


def test_passages_are_filled_with_whole_sentences() -> None:
    """As many as fit, none of them torn."""
    text = "One two three. Four five six. Seven eight nine. Ten eleven twelve."
    assert _passages(text, max_tokens=7) == [
        "One two three. Four five six.",
        "Seven eight nine. Ten eleven twelve.",
    ]


def test_a_full_enough_passage_ends_with_its_paragraph() -> None:
    """Better a shorter passage than one that takes a sentence of the next paragraph along."""
    text = "One two three. Four five six.\n\nSeven eight. Nine ten eleven twelve."
    assert _passages(text, max_tokens=9) == [
        "One two three. Four five six.",
        "Seven eight. Nine ten eleven twelve.",
    ]


def test_a_heading_begins_a_passage() -> None:
    """Even where it would have fitted into the one before."""
    text = "Some words stand here. And more.\nThe title\nWhat stands under it."
    assert _passages(text, max_tokens=20, headings=(text.index("The title"),)) == [
        "Some words stand here. And more.",
        "The title\nWhat stands under it.",
    ]


def test_headings_in_a_row_stay_with_the_text_under_them() -> None:
    """A passage that holds hardly more than a heading helps nobody."""
    text = "Part one\n\nChapter one\n\nSection one\n\n" + "Words stand here in a row. " * 4
    starts = tuple(text.index(title) for title in ("Part", "Chapter", "Section"))
    first = _passages(text, max_tokens=30, headings=starts)[0]
    assert first.startswith("Part one")
    assert "Words stand" in first


def test_a_heading_may_begin_in_the_middle_of_a_line() -> None:
    """Parsers are not always right about lines."""
    text = "Some words that run straight into Title and then more"
    assert _passages(text, max_tokens=12, headings=(text.index("Title"),)) == [
        "Some words that run straight into",
        "Title and then more",
    ]


def test_items_rows_and_lines_of_code_stay_whole() -> None:
    """Stops inside them are no place for a cut, their ends are."""
    lines = [
        "- first item. It has two sentences",
        "- second item",
        "1. third. It too",
        "| a cell. Two | more |",
        "    call(one. Two, three);",
    ]
    text = "\n".join(lines)
    found = {place.end for place in breaks(text) if place.strength is Strength.ITEM}
    assert found == {text.index(line) + len(line) for line in lines[:-1]}
    assert not any(place.strength > Strength.ITEM for place in breaks(text))


def test_a_long_sentence_is_cut_at_lines_then_words_then_characters() -> None:
    """Each only where nothing better fits."""
    assert _passages("a b c d\ne f g h\ni j", max_tokens=9) == ["a b c d\ne f g h", "i j"]
    assert _passages("a b c d e f g", max_tokens=3) == ["a b c", "d e f", "g"]
    chunker = SentenceChunker(max_tokens=5, overlap_tokens=0, count_tokens=len)
    assert [span.of("abcdefgh ijk") for span in chunker.split("abcdefgh ijk")] == ["abcde", "fgh", "ijk"]


def test_chinese_without_stops_is_cut_at_its_commas() -> None:
    """Where words are not separated, clauses are the next best."""
    chunker = SentenceChunker(max_tokens=6, overlap_tokens=0, count_tokens=len)
    text = "一二三，四五六七，八九"
    assert [span.of(text) for span in chunker.split(text)] == ["一二三，", "四五六七，", "八九"]


def test_characters_are_not_torn_apart() -> None:
    """Combining marks, joined emoji, flags and skin tones stay with what they belong to."""
    chunker = SentenceChunker(max_tokens=4, overlap_tokens=0, count_tokens=len)
    text = "abce\u0301\u0302" + "🇩🇪🇫🇷" + "xy👍🏽" + "ab👩\u200d👧"
    pieces = [span.of(text) for span in chunker.split(text)]
    assert "".join(pieces) == text
    assert all(not piece.startswith(("\u0301", "\u0302", "\u200d", "🏽")) for piece in pieces)
    assert all(sum("\U0001f1e6" <= mark <= "\U0001f1ff" for mark in piece) % 2 == 0 for piece in pieces)


def test_a_word_of_one_token_is_cut_by_its_length() -> None:
    """Sixteen characters a token at most: some tokenizers take a word of any length for one token."""
    text = "x" * 1_000
    pieces = _passages(text, max_tokens=10)
    assert [len(piece) for piece in pieces] == [160] * 6 + [40]


def test_the_next_passage_repeats_the_last_sentences() -> None:
    """Whole ones, up to the overlap."""
    text = "One two three. Four five six. Seven eight. Nine ten eleven. Twelve. The end is near."
    assert _passages(text, max_tokens=9, overlap_tokens=3) == [
        "One two three. Four five six. Seven eight.",
        "Seven eight. Nine ten eleven. Twelve.",
        "Twelve. The end is near.",
    ]


def test_half_a_sentence_is_not_repeated() -> None:
    """Where the last sentence is longer than the overlap, the next passage begins with its own."""
    text = "One two three four five six. Seven eight nine ten."
    assert _passages(text, max_tokens=7, overlap_tokens=2) == [
        "One two three four five six.",
        "Seven eight nine ten.",
    ]


def test_a_sentence_that_was_cut_is_repeated_by_its_last_lines_or_words() -> None:
    """So that what belongs together stands together in one of the two."""
    assert _passages("a b c d e f g h i", max_tokens=5, overlap_tokens=2) == [
        "a b c d e",
        "d e f g h",
        "g h i",
    ]
    assert _passages("a b\nc d\ne f\ng h\ni j", max_tokens=6, overlap_tokens=2) == [
        "a b\nc d\ne f",
        "e f\ng h\ni j",
    ]


def test_nothing_is_repeated_after_a_heading() -> None:
    """A section does not begin with the end of the one before."""
    text = "One two three. Four five six.\n\nTitle\n\nSeven eight nine. Ten eleven twelve."
    passages = _passages(text, max_tokens=8, overlap_tokens=4, headings=(text.index("Title"),))
    assert passages[1].startswith("Title")


def test_repeating_does_not_tear_the_next_sentence() -> None:
    """Where the repeated words and the next sentence do not fit together, nothing is repeated."""
    text = "One two three. Four five six seven eight nine ten."
    assert _passages(text, max_tokens=8, overlap_tokens=3) == [
        "One two three.",
        "Four five six seven eight nine ten.",
    ]


@pytest.mark.parametrize(("max_tokens", "overlap_tokens"), [(0, 0), (10, -1), (10, 6)])
def test_sizes_that_cannot_work_are_refused(max_tokens: int, overlap_tokens: int) -> None:
    """An overlap of more than half would repeat more than it adds."""
    with pytest.raises(InvalidInput):
        SentenceChunker(max_tokens=max_tokens, overlap_tokens=overlap_tokens, count_tokens=_words)


@pytest.mark.parametrize(
    "unit",
    [
        "Plain words make up this sentence, which is neither long nor short. ",
        "word ",
        "x",
        "\n",
        "a line without a stop\n",
        ". ",
        "    x = f(1);\n",
        "你好",
        "- item\n\n",
    ],
)
def test_the_work_grows_with_the_text_alone(unit: str) -> None:
    """Nothing that a text may hold makes the work quadratic: half a megabyte is cut in seconds."""
    text = (unit * (500_000 // len(unit) + 1))[:500_000]
    chunker = SentenceChunker(max_tokens=200, overlap_tokens=40, count_tokens=_quarter)
    began = time.process_time()
    spans = chunker.split(text)
    assert time.process_time() - began < 20
    assert len(spans) < len(text) / 100


def _quarter(text: str) -> int:
    return (len(text) + 3) // 4


@pytest.mark.parametrize("overlap_tokens", [0, 40])
def test_no_more_is_counted_than_a_few_times_the_text(overlap_tokens: int) -> None:
    """Counting tokens is most of the work of cutting: each line about once, each passage a few times."""
    counted: list[int] = []

    def count_tokens(text: str) -> int:
        counted.append(len(text))
        return len(text.split()) + text.count("\n")

    text = "\n".join(f"Line {number} says a little more than the one before it." for number in range(2_000))
    chunker = SentenceChunker(max_tokens=200, overlap_tokens=overlap_tokens, count_tokens=count_tokens)
    counted.clear()
    passages = chunker.split(text)
    assert len(counted) < 2_000 + 10 * len(passages)
    assert sum(counted) < 7.6 * len(text)
