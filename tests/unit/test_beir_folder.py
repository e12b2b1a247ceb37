"""Reading a folder in the form of BEIR, and saying what is wrong with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from citewell_entrypoints.evaluation import read_folder
from citewell_entrypoints.evaluation.beir import Passage
from citewell_entrypoints.evaluation.errors import UnusableFolder

QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\nq2\td2\t2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents, two questions, three judgements."""
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "d1", "title": "Tides", "text": "High at noon."}\n{"_id": "d2", "text": "Fog."}\n'
    )
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "When is it high?"}\n{"_id": "q2", "text": "What comes?", "answer": "fog"}\n'
    )
    (tmp_path / "qrels.tsv").write_text(QRELS)
    return tmp_path


def test_corpus_questions_and_judgements_are_read(folder: Path) -> None:
    """A title may be missing, other members are let be."""
    data = read_folder(folder)
    assert data.name == folder.name
    assert data.passages == (Passage("d1", "Tides", "High at noon."), Passage("d2", "", "Fog."))
    assert data.questions == {"q1": "When is it high?", "q2": "What comes?"}
    assert data.gains == {"q1": {"d1": 1, "d2": 0}, "q2": {"d2": 2}}
    assert data.notes == ()


def test_judgements_may_be_in_their_folder(folder: Path) -> None:
    """`qrels/test.tsv`, as BEIR has it; numbers as ids are text."""
    (folder / "qrels").mkdir()
    (folder / "qrels.tsv").rename(folder / "qrels" / "test.tsv")
    with (folder / "corpus.jsonl").open("a") as corpus:
        corpus.write('{"_id": 3, "text": "three"}')
    data = read_folder(folder)
    assert data.gains["q2"] == {"d2": 2}
    assert data.passages[-1].id == "3"


def test_a_line_may_hold_separators_of_other_kinds(folder: Path) -> None:
    """Only a line feed ends a line of JSON; a byte order mark is no part of the first."""
    text = json.dumps({"_id": "d1", "text": "a\u2028b\x85c"}, ensure_ascii=False)
    (folder / "corpus.jsonl").write_text(f"{text}\r\n\n", encoding="utf-8-sig")
    assert read_folder(folder).passages == (Passage("d1", "", "a\u2028b\x85c"),)


def test_what_is_left_out_is_noted(folder: Path) -> None:
    """Questions without a relevant document, judgements of what is not there."""
    with (folder / "queries.jsonl").open("a") as queries:
        queries.write('{"_id": "q3", "text": "unjudged"}\n{"_id": "q4", "text": "nothing relevant"}\n')
    (folder / "qrels.tsv").write_text(f"{QRELS}q4\td1\t0\nq9\td1\t1\nq1\td9\t1\n")
    data = read_folder(folder)
    assert list(data.questions) == ["q1", "q2"]
    assert data.notes == (
        "questions left out, for nothing is relevant to them: 2 of 4",
        "judged questions that queries.jsonl lacks: 1",
        "relevant documents that corpus.jsonl lacks, so that nothing finds them: 1",
    )


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("corpus.jsonl", '{"_id": "d1", "text": "a"}\n{"_id": "d2", ', "corpus.jsonl, line 2: not JSON"),
        ("corpus.jsonl", '["d1"]', "corpus.jsonl, line 1: not a JSON object"),
        ("corpus.jsonl", '{"text": "a"}', "corpus.jsonl, line 1: `_id` is no text"),
        ("corpus.jsonl", '\n{"_id": "d1"}', "corpus.jsonl, line 2: `text` is no text"),
        ("corpus.jsonl", '{"_id": "d1", "text": "a", "title": 3}', "line 1: `title` is no text"),
        ("corpus.jsonl", '{"_id":"d1","text":""}\n' * 2, "line 2: the id 'd1' is there already"),
        ("corpus.jsonl", "", "corpus.jsonl holds no document"),
        ("queries.jsonl", '{"_id": "q7", "text": "who?"}', "none of the questions in .* has a judgement"),
        ("queries.jsonl", "", "none of the questions in .* has a judgement"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\nq1 d1 1\n", "qrels.tsv, line 2: not a question's id"),
        ("qrels.tsv", "q1\td1\tmany\n", "qrels.tsv, line 1: not a question's id"),
    ],
)
def test_a_broken_line_is_told_with_its_number(folder: Path, file: str, content: str, told: str) -> None:
    """In one sentence, with the file."""
    (folder / file).write_text(content)
    with pytest.raises(UnusableFolder, match=told) as caught:
        read_folder(folder)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    """With its path."""
    (folder / file).unlink()
    with pytest.raises(UnusableFolder, match=re.escape(f"{folder / file}: No such file")):
        read_folder(folder)


def test_text_that_is_no_utf_8_is_told(folder: Path) -> None:
    """Not a traceback of a decoder."""
    (folder / "corpus.jsonl").write_bytes(b'{"_id": "d1", "text": "\xff"}')
    with pytest.raises(UnusableFolder, match="not in UTF-8"):
        read_folder(folder)


def test_the_example_of_the_documentation_is_such_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program writes what the command reads."""
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text()
    [program] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "evaluation.md", "exec"), {})  # noqa: S102
    data = read_folder(tmp_path / "faults")
    assert (len(data.passages), len(data.questions)) == (40, 40)
    assert data.notes == ()
