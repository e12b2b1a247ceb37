"""`citewell query` against a stub of the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from tests.cli_stub import ApiStub, Canned, problem, running_stub

from citewell_entrypoints.cli.root import root

SOURCE = {
    "document_id": "0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a10",
    "document_name": "handbook.pdf",
    "collection": "default",
    "sha256": "9f86",
    "chunk_index": 3,
    "text": "The lamp on the north mole shows two white flashes every twelve seconds.\n"
    "It is seen for eleven miles.",
    "score": 0.7934,
    "span": {"start": 1430, "end": 1533},
    "pages": {"first": 3, "last": 4},
    "heading_path": ["The harbour", "The lamp"],
}


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiStub]:
    """A stub, and a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    with running_stub() as running:
        yield running


def query(stub: ApiStub, *arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(root, ["query", *arguments, "--url", stub.url])


def replies(stub: ApiStub, **reply: Any) -> None:
    """Let the stub reply with this."""
    stub.query = Canned(200, {"answer": None, "sources": [], "degraded": [], **reply})


def test_sources_are_printed_to_be_read(stub: ApiStub) -> None:
    """Number, document, pages and score, the heading path, and the passage wrapped; no control codes."""
    replies(stub, sources=[SOURCE])
    result = query(stub, "How far is the lamp seen?")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "[1] handbook.pdf, pages 3-4  score 0.793",
        "    The harbour › The lamp",
        "    The lamp on the north mole shows two white flashes every twelve seconds. It",
        "    is seen for eleven miles.",
        "    document 0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a10, chunk 3",
    ]


def test_neighbours_are_printed_with_their_source(stub: ApiStub) -> None:
    """The whole passage, its pages, and which chunks are in it."""
    passage = {
        "text": "Before.\fThe lamp. After.",
        "span": {"start": 1400, "end": 1600},
        "pages": {"first": 2, "last": 5},
        "chunk_first": 1,
        "chunk_last": 5,
        "boxes": [],
    }
    replies(stub, sources=[{**SOURCE, "passage": passage}])
    result = query(stub, "How far is the lamp seen?", "--expand", "2")
    assert json.loads(stub.asked[-1].body)["expand"] == 2
    assert result.stdout.splitlines() == [
        "[1] handbook.pdf, pages 2-5  score 0.793",
        "    The harbour › The lamp",
        "    Before.",
        "    The lamp. After.",
        "    document 0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a10, chunk 3 in 1-5",
    ]


def test_an_answer_comes_before_its_sources(stub: ApiStub) -> None:
    """What a language model wrote stands first."""
    replies(stub, answer="Eleven miles [1].", sources=[SOURCE])
    assert query(stub, "How far?").stdout.startswith("Eleven miles [1].\n\n[1] handbook.pdf")


def test_the_quotes_that_prove_an_answer_are_printed_with_their_place(stub: ApiStub) -> None:
    """Each once, with its document and page; those that did not hold are counted; no control codes."""
    cited = {
        "source": 0,
        "document_id": SOURCE["document_id"],
        "quote": "seen for\neleven \x1b[31mmiles",
        "pages": {"first": 4, "last": 4},
    }
    other = {**cited, "quote": "The lamp", "pages": {"first": 3, "last": 3}}
    answer = "Eleven miles [1], by a lamp [1], eleven [1]."
    replies(stub, answer=answer, sources=[SOURCE], citations=[cited, other, cited], citations_removed=2)
    lines = query(stub, "How far?").stdout.splitlines()
    assert lines[:6] == [
        answer,
        "",
        "    [1] “seen for eleven [31mmiles” handbook.pdf, page 4",
        "    [1] “The lamp” handbook.pdf, page 3",
        "",
        "[1] handbook.pdf, pages 3-4  score 0.793",
    ]
    assert lines[-1] == "Note: 2 citations of the language model did not hold."


def test_what_was_missing_is_said(stub: ApiStub) -> None:
    """A degraded reply says so in words, and why if it tells."""
    why = [{"part": "llm", "reason": "timeout"}]
    replies(stub, sources=[SOURCE], degraded=["llm", "reranker", "oracle"], degradations=why)
    last = query(stub, "How far?").stdout.split("\n\n")[1:]
    assert last == [
        "Note: the language model gave no answer; the sources are complete (timeout).",
        "Note: the reranker gave no scores; the passages are in the order of the search.",
        "Note: oracle could not contribute.\n",
    ]


def test_a_filter_is_sent_as_it_is_given(stub: ApiStub) -> None:
    """And what is wrong with it is said before anything is sent."""
    replies(stub)
    assert query(stub, "How far?", "--filter", '{"year": {"gte": 2020}}').exit_code == 0
    assert json.loads(stub.asked[-1].body)["filter"] == {"year": {"gte": 2020}}
    for given, said in [("{", "not JSON"), ('{"year": {"like": 1}}', "filter.year.like: is no operator")]:
        refused = query(stub, "How far?", "--filter", given)
        assert refused.exit_code == 2
        assert said in " ".join(refused.stderr.split())
    assert len(stub.asked) == 1


def test_json_is_the_reply_of_the_api_as_it_is(stub: ApiStub) -> None:
    """Not one byte is changed, so that fields of later versions come through."""
    stub.query = Canned(200, b'{"sources": [], "later":  "caf\xc3\xa9", "answer": null}')
    assert query(stub, "x", "--json").stdout_bytes == stub.query.body + b"\n"


def test_no_answer_asks_for_passages_alone(stub: ApiStub) -> None:
    """Else the server decides."""
    query(stub, "x", "--no-answer")
    query(stub, "x")
    assert [json.loads(asked.body).get("answer") for asked in stub.asked] == [False, None]


def test_nothing_found_is_said(stub: ApiStub) -> None:
    """An empty reply is no error."""
    result = query(stub, "x")
    assert (result.exit_code, result.stdout) == (0, "Nothing found.\n")


def test_the_question_goes_out_as_the_contract_has_it(stub: ApiStub) -> None:
    """One document goes as document_id, several as document_ids; what was not given is not sent."""
    first, second = str(uuid4()), str(uuid4())
    query(stub, "x")
    query(stub, "x", "--document", first, "--top-k", "2", "--collection", "legal")
    query(stub, "x", "--document", first, "--document", second)
    query(stub, "x", "--no-rerank", "--diversity", "0.3")
    query(stub, "x", "--rerank")
    assert [json.loads(asked.body) for asked in stub.asked] == [
        {"question": "x", "top_k": 5},
        {"question": "x", "top_k": 2, "collection": "legal", "document_id": first},
        {"question": "x", "top_k": 5, "document_ids": [first, second]},
        {"question": "x", "top_k": 5, "rerank": False, "diversity": 0.3},
        {"question": "x", "top_k": 5, "rerank": True},
    ]


def test_documents_cannot_steer_the_terminal(stub: ApiStub) -> None:
    """Escape sequences in texts, names and headings are not printed."""
    source = {**SOURCE, "text": "a\x1b]0;title\x07b", "document_name": "\x1b[2J", "heading_path": ["\x9b1m"]}
    replies(stub, sources=[source], answer="\x1b[31mred")
    output = query(stub, "x").stdout
    assert not set(output) & {"\x1b", "\x9b", "\x07"}


@pytest.mark.parametrize(
    "arguments", [["x", "--top-k", "0"], ["x", "--diversity", "2"], ["x", "--document", "7"], []]
)
def test_wrong_use_gives_exit_code_2(stub: ApiStub, arguments: list[str]) -> None:
    """Nothing is sent."""
    assert query(stub, *arguments).exit_code == 2
    assert not stub.asked


def test_what_the_server_refuses_is_told_in_its_words(stub: ApiStub) -> None:
    """The detail of the problem is the one line, and the exit code is 1."""
    stub.query = problem(404, "there is no document 0199")
    result = query(stub, "x")
    assert (result.exit_code, result.stderr) == (1, "Error: there is no document 0199\n")


def test_how_each_passage_came_to_its_place_is_shown_as_a_table(stub: ApiStub) -> None:
    """With --explain: rank, raw score and contribution in each leg, and a line for the query."""
    legs = {"dense": {"rank": 2, "score": 0.5, "contribution": 0.25}, "lexical": None, "rerank": 0.793}
    trace = {"vector_weight": 0.4, "dense_candidates": 100, "lexical_candidates": 7}
    plan = {"method": "index", "topped_up": True, "matched": None}
    replies(
        stub,
        sources=[{**SOURCE, "explanation": legs}],
        explanation={
            **trace,
            "embed_ms": 1.25,
            "find_ms": 3.0,
            "reranked": 30,
            "rerank_ms": 2.0,
            "plan": plan,
            "cached": True,
        },
        degraded=["embedder"],
    )
    result = query(stub, "x", "--explain", "--mode", "hybrid")
    assert "[1]  0.793     #2   0.500  0.250        -     -     -   0.793" in result.stdout.splitlines()
    assert "100 candidates by meaning, 7 by words; weight of the vectors 0.40" in result.stdout
    assert "finding 3.0 ms; 30 reranked in 2.0 ms; kept from before" in result.stdout
    assert "by the index, many passages in the scope, which gave too few" in result.stdout
    assert "found by their words alone" in " ".join(result.stdout.split())
    asked = json.loads(stub.asked[-1].body)
    assert asked == {"question": "x", "top_k": 5, "mode": "hybrid", "explain": True}


def test_where_else_a_passage_stands_is_said(stub: ApiStub) -> None:
    """The first places by name and page, and how many more there are."""
    place = {
        "document_id": "d",
        "document_name": "copy.pdf",
        "chunk_index": 1,
        "pages": {"first": 2, "last": 2},
    }
    replies(stub, sources=[{**SOURCE, "also_in": [place] * 5}])
    lines = query(stub, "x").stdout.splitlines()
    assert lines[-5:-1] == ["    also in copy.pdf, page 2"] * 3 + ["    also in 2 more places"]
