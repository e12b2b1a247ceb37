"""A corpus as files to upload."""

from __future__ import annotations

from citewell_adapters.plaintext import MARKDOWN, PLAIN_TEXT, detect_text
from citewell_entrypoints.evaluation import BeirFolder
from citewell_entrypoints.evaluation.beir import Passage
from citewell_entrypoints.evaluation.corpus import Corpus


def corpus(*passages: Passage, name: str = "tides") -> Corpus:
    """The corpus of a folder with these."""
    return Corpus.of(BeirFolder(name, passages, {}, {}, ()))


def test_a_title_becomes_the_heading_of_markdown() -> None:
    """On one line, whatever it held; without a title it is plain text, and a `#` is no heading."""
    titled, untitled = corpus(Passage("d1", " High\n tide ", "At noon."), Passage("d2", "", "# 1")).files
    assert titled.content() == b"# High tide\n\nAt noon."
    assert detect_text(titled.content(), name=titled.name) == MARKDOWN
    assert untitled.content() == b"# 1"
    assert detect_text(untitled.content(), name=untitled.name) == PLAIN_TEXT


def test_the_same_passage_under_two_ids_is_one_file_with_both() -> None:
    """The server would take it once, too."""
    [file] = corpus(Passage("d1", "", "Fog."), Passage("d2", "", "Fog.")).files
    assert file.ids == ("d1", "d2")


def test_passages_without_text_are_counted_and_left_out() -> None:
    """Blanks are no text."""
    found = corpus(Passage("d1", "", " \n"), Passage("d2", "", "\0"), Passage("d3", "Title", ""))
    assert [file.ids for file in found.files] == [("d3",)]
    assert found.empty == 2


def test_any_id_is_a_name_of_a_file() -> None:
    """Whatever signs it has, and however long it is."""
    [file] = corpus(Passage("../häfen/" + "x" * 300, "", "Fog.")).files
    assert file.name == f".._h_fen_{'x' * 31}.txt"


def test_what_no_encoding_has_is_replaced() -> None:
    """Half of a character, a NUL."""
    [file] = corpus(Passage("d1", "", "a\ud800b\0c")).files
    assert file.content() == b"a?b c"


def test_the_collection_is_named_after_all_that_is_in_it() -> None:
    """The order does not matter, a letter does, and the name is one that the API takes."""
    one, two = Passage("d1", "", "Fog."), Passage("d2", "", "Rain.")
    name = corpus(one, two).collection
    assert name.startswith("eval-tides-")
    assert corpus(two, one).collection == name
    assert corpus(one, Passage("d2", "", "Rain!")).collection != name
    assert corpus(one, name="море 1").collection.startswith("eval-1-")
    assert len(corpus(one, name="a" * 300).collection) <= 64
