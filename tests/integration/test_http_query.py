"""Questions over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import pytest
import pytest_asyncio
from tests.http_app import API, Served, served

from citewell.errors import EmbedderUnavailable, EmbeddingRejected, LLMUnavailable, Reason, StoreUnavailable
from citewell.testing.scripted import ScriptedLLM

SEA = b"The lamp on the mole is seen far. " * 3 + b"\f" + b"The keeper sleeps by day and drinks tea. " * 3
LAND = b"A plough turns the heavy soil. " * 3


@pytest.fixture
def llm() -> ScriptedLLM:
    return ScriptedLLM()


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path, llm: ScriptedLLM) -> AsyncIterator[Served]:
    async with served(tmp_path, llm=llm) as running:
        yield running


async def test_the_oldest_contract(service: Served) -> None:
    """document_id, question and top_k give answer null and sources with index, text and score."""
    document = await service.ingested(SEA, name="sea.txt")
    reply = await service.query(document_id=document["id"], question="Where is the lamp?", top_k=2)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    assert body["answer"] is None
    assert len(body["sources"]) == 2
    best = body["sources"][0]
    assert "lamp" in best["text"]
    assert 0 <= body["sources"][1]["score"] <= best["score"] <= 1


async def test_a_source_cites_exactly(service: Served) -> None:
    """Document, revision, chunk, pages, span; and the text is the text at the span."""
    document = await service.ingested(SEA, name="sea.txt", collection="books")
    asked = {"question": "Who drinks tea?", "collection": "books", "top_k": 1, "collapse": False}
    body = (await service.query(**asked)).json()
    assert set(body) == {"answer", "sources", "degraded"}
    assert body["degraded"] == []
    [source] = body["sources"]
    assert set(source) == {
        "document_id", "document_name", "collection", "sha256", "chunk_index", "text", "score", "span",
        "pages", "heading_path", "boxes",
    }  # fmt: skip
    assert source["boxes"] == []
    assert source["document_id"] == document["id"]
    assert (source["document_name"], source["collection"]) == ("sea.txt", "books")
    assert source["sha256"] == document["sha256"]
    assert source["pages"] == {"first": 2, "last": 2}
    text = (await service.client.get(f"{API}/documents/{document['id']}/text")).text
    assert text[source["span"]["start"] : source["span"]["end"]] == source["text"]


async def test_a_source_can_be_asked_for_with_its_neighbours(service: Served) -> None:
    """`expand`: each source with the chunks around it, exactly the text at the span, for the model too."""
    document = await service.ingested(SEA, name="sea.txt")
    body = {"question": "Who drinks tea?", "document_id": document["id"], "top_k": 2}
    plain = (await service.query(**body)).json()["sources"]
    sources = (await service.query(**body, expand=1)).json()["sources"]
    text = (await service.client.get(f"{API}/documents/{document['id']}/text")).text
    for source, before in zip(sources, plain, strict=True):
        passage = source.pop("passage")
        assert source == before
        assert passage["text"] == text[passage["span"]["start"] : passage["span"]["end"]]
        assert len(passage["text"]) > len(source["text"])
        first = max(0, source["chunk_index"] - 1)
        last = min(document["chunk_count"] - 1, source["chunk_index"] + 1)
        assert (passage["chunk_first"], passage["chunk_last"], passage["boxes"]) == (first, last, [])
    for expand in (-1, 11, "2"):
        assert (await service.query(**body, expand=expand)).status_code == 400


async def test_the_model_reads_the_passages_that_were_asked_for(service: Served, llm: ScriptedLLM) -> None:
    """What `expand` adds is for it as well."""
    document = await service.ingested(SEA, name="sea.txt")
    body = {"question": "Who drinks tea?", "document_id": document["id"], "top_k": 1, "expand": 10}
    [source] = (await service.query(**body)).json()["sources"]
    assert source["passage"]["text"] in llm.calls[-1][1].content


async def test_where_is_searched(service: Served) -> None:
    """In `default` if nothing is named; in a collection, in documents, or in both at once."""
    sea = await service.ingested(SEA)
    land = await service.ingested(LAND, collection="land")

    async def found(**scope: Any) -> set[str]:
        body = (await service.query(question="lamp and soil", top_k=100, **scope)).json()
        return {source["document_id"] for source in body["sources"]}

    assert await found() == {sea["id"]}
    assert await found(collection="land") == {land["id"]}
    assert await found(document_id=land["id"]) == {land["id"]}
    assert await found(document_ids=[sea["id"], land["id"]]) == {sea["id"], land["id"]}
    assert await found(document_ids=[sea["id"], land["id"]], collection="land") == {land["id"]}
    assert await found(document_id=sea["id"], collection="land") == set()
    assert await found(document_ids=[]) == set()
    assert await found(collection="nothing-there") == set()


async def test_an_unknown_document_is_not_found(service: Served) -> None:
    """404 with its id."""
    missing = str(uuid4())
    for scope in ({"document_id": missing}, {"document_ids": [missing]}):
        reply = await service.query(question="Anything?", **scope)
        assert reply.status_code == 404
        assert reply.json()["type"] == "urn:citewell:problem:document-not-found"
        assert missing in reply.json()["detail"]


async def test_a_document_that_is_not_ready_is_not_searched(service: Served) -> None:
    """No sources, and no error."""
    document = (await service.upload(SEA)).json()
    reply = await service.query(question="lamp", document_id=document["id"])
    assert (reply.status_code, reply.json()["sources"]) == (200, [])


async def test_the_answer_of_a_model_comes_with_the_sources(service: Served, llm: ScriptedLLM) -> None:
    """Where a model is configured."""
    await service.ingested(SEA)
    llm.pieces = ("On the ", "mole [1].")
    body = (await service.query(question="Where is the lamp?")).json()
    assert (body["answer"], body["degraded"]) == ("On the mole [1].", [])
    assert body["sources"]


async def test_a_model_that_is_away_costs_the_answer_alone(service: Served, llm: ScriptedLLM) -> None:
    """Sources, `answer` null, and `degraded` names what was missing."""
    await service.ingested(SEA)
    llm.error = LLMUnavailable()
    reply = await service.query(question="Where is the lamp?")
    assert reply.status_code == 200
    assert (reply.json()["answer"], reply.json()["degraded"]) == (None, ["llm"])
    assert reply.json()["sources"]


async def test_a_filter_goes_by_the_metadata(service: Served) -> None:
    """With and without documents and collections, in every mode; `explain` tells how it was searched."""
    old = await service.ingested(SEA, metadata='{"year": 1871, "tags": ["sea", "lamp"]}')
    new = await service.ingested(LAND, metadata='{"year": 2024, "author": {"name": "Ann"}}')

    async def found(given: Any, **scope: Any) -> set[str]:
        asked = {"question": "lamp and soil", "top_k": 100, "filter": given, **scope}
        reply = await service.query(**asked)
        assert reply.status_code == 200, reply.text
        return {source["document_id"] for source in reply.json()["sources"]}

    for mode in ("hybrid", "dense", "lexical"):
        assert await found({"year": {"gte": 2000}}, mode=mode) == {new["id"]}
        assert await found({"tags": "lamp"}, mode=mode) == {old["id"]}
    assert await found({"year": {"ne": 5}}) == {old["id"], new["id"]}
    assert await found({"author.name": "Ann"}, document_id=new["id"]) == {new["id"]}
    assert await found({"author.name": "Ann"}, document_ids=[old["id"]]) == set()
    assert await found(None) == {old["id"], new["id"]}
    asked = {"question": "lamp", "filter": {"year": 1871}, "explain": True, "top_k": 100, "collapse": False}
    reply = await service.query(**asked)
    plan = reply.json()["explanation"]["plan"]
    assert plan == {"method": "exact", "topped_up": False, "matched": len(reply.json()["sources"])}


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({}, "filter", "is empty"),
        ({"and": [{"a": 1}, {"year": {"like": "x"}}]}, "filter.and[1].year.like", "is no operator"),
        ({"year": None}, "filter.year", "is null"),
        ([], "filter", "object"),
    ],
)
async def test_a_wrong_filter_is_refused_with_its_place(
    service: Served, given: Any, field: str, message: str
) -> None:
    """400, and the place within the filter."""
    reply = await service.query(question="lamp", filter=given)
    assert reply.status_code == 400
    [error] = reply.json()["errors"]
    assert (error["source"], error["field"]) == ("body", field)
    assert message in error["message"]


async def test_the_index_is_measured(service: Served) -> None:
    """As many questions as there are chunks, if those are fewer; what is wrong is a 400."""
    reply = await service.client.post(f"{API}/recall", json={})
    assert reply.json() == {"recalls": [], "k": 10, "floor": 0.95, "search_ef": 200}
    await service.ingested(SEA)
    reply = await service.client.post(f"{API}/recall", json={"questions": 2, "k": 3})
    assert (reply.status_code, reply.json()["recalls"]) == (200, [1.0, 1.0])
    for wrong in ({"questions": 51}, {"k": 0}, {"collection": "/"}, {"other": 1}):
        assert (await service.client.post(f"{API}/recall", json=wrong)).status_code == 400


ID = str(uuid4())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "question"),
        ({"question": ""}, "question"),
        ({"question": None}, "question"),
        ({"question": 5}, "question"),
        ({"question": ["x"]}, "question"),
        ({"question": "x" * 8_001}, "question"),
        ({"question": "x", "top_k": 0}, "top_k"),
        ({"question": "x", "top_k": 101}, "top_k"),
        ({"question": "x", "top_k": "5"}, "top_k"),
        ({"question": "x", "top_k": 1.5}, "top_k"),
        ({"question": "x", "top_k": True}, "top_k"),
        ({"question": "x", "top_k": None}, "top_k"),
        ({"question": "x", "document_id": "y"}, "document_id"),
        ({"question": "x", "document_id": 7}, "document_id"),
        ({"question": "x", "document_ids": ID}, "document_ids"),
        ({"question": "x", "document_ids": [ID, "y"]}, "document_ids[1]"),
        ({"question": "x", "document_ids": [ID] * 1_001}, "document_ids"),
        ({"question": "x", "document_id": ID, "document_ids": [ID]}, "document_ids"),
        ({"question": "x", "collection": 1}, "collection"),
        ({"question": "x", "mode": "fuzzy"}, "mode"),
        ({"question": "x", "vector_weight": 1.1}, "vector_weight"),
        ({"question": "x", "candidates": 0}, "candidates"),
        ({"question": "x", "min_score": -1}, "min_score"),
        ({"question": "x", "rerank": "yes"}, "rerank"),
        ({"question": "x", "diversity": 1.5}, "diversity"),
        ({"question": "x", "collapse": 1}, "collapse"),
        ({"question": "x", "Question": "y"}, "Question"),
        ({"question": "x", "filter": {}}, "filter"),
        ([], ""),
        ("question", ""),
        (None, ""),
    ],
)
async def test_a_wrong_question_is_refused(service: Served, body: Any, field: str) -> None:
    """400, and which field it is."""
    reply = await service.client.post(f"{API}/query", content=json.dumps(body))
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["type"] == "urn:citewell:problem:invalid-request"
    assert [(error["source"], error["field"]) for error in problem["errors"]] == [("body", field)]


@pytest.mark.parametrize(
    "body",
    [
        {"question": "   \n "},
        {"question": "a\0b"},
        {"question": "x", "collection": ""},
        {"question": "x", "collection": "a b"},
        {"question": "x", "collection": "a\0"},
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(service: Served, body: dict[str, Any]) -> None:
    """400, by the rules of the core."""
    reply = await service.client.post(f"{API}/query", json=body)
    assert (reply.status_code, reply.json()["type"]) == (400, "urn:citewell:problem:invalid-request")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"question=x",
        b'{"question": "x"',
        b'{"question": "x"} {}',
        b'{"question": "\xff"}',
        b'{"question": "\\ud800"}',
        b'\xef\xbb\xbf{"question": "x"}',
        b'{"question": NaN}',
        b'{"question": "x", "top_k": 1e400}',
        b'{"question": "x", "top_k": ' + b"9" * 5_000 + b"}",
        b"[" * 200_000,
        b'{"question":' * 50_000,
        b'{"question": "x", "document_ids": ' + b"[" * 200_000,
    ],
)
async def test_what_is_not_json_is_refused(service: Served, body: bytes) -> None:
    """400, never 500, however odd it is."""
    reply = await service.client.post(f"{API}/query", content=body)
    assert reply.status_code == 400
    assert reply.json()["type"] == "urn:citewell:problem:invalid-request"


async def test_a_body_that_is_too_large_is_refused(service: Served) -> None:
    """413, announced or not, and not read whole."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1 << 24:
            sent += 65_536
            yield b" " * 65_536

    reply = await service.client.post(f"{API}/query", content=b" " * ((1 << 20) + 1))
    assert reply.status_code == 413
    reply = await service.client.post(f"{API}/query", content=endless())
    assert reply.status_code == 413
    assert reply.json()["type"] == "urn:citewell:problem:content-too-large"


async def test_the_longest_question_is_asked(service: Served) -> None:
    """8,000 characters, whatever they cost in bytes."""
    reply = await service.client.post(f"{API}/query", content=json.dumps({"question": "💡" * 8_000}))
    assert reply.status_code == 200


async def test_the_content_type_does_not_matter(service: Served) -> None:
    """The oldest callers send none."""
    reply = await service.client.post(
        f"{API}/query", content=b'{"question": "x"}', headers={"Content-Type": "text/plain"}
    )
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (EmbedderUnavailable("https://key@host is away"), 503, "embedder-unavailable"),
        (EmbeddingRejected("Incorrect API key provided: key"), 502, "embedding-rejected"),
        (StoreUnavailable("host key refused"), 503, "store-unavailable"),
        (ZeroDivisionError("key"), 500, "internal-error"),
    ],
)
async def test_a_part_that_fails_has_its_own_problem(
    service: Served, error: Exception, status: int, kind: str
) -> None:
    """Nothing of what the part said leaves the process, and no trace. Recall is of the vectors alone."""
    await service.ingested(SEA)
    service.house.embedder.failures.append(error)
    reply = await service.client.post(f"{API}/recall", json={"questions": 1})
    assert reply.status_code == status
    assert reply.json()["type"] == f"urn:citewell:problem:{kind}"
    assert reply.headers.get("retry-after") == ("5" if status == 503 else None)
    assert "key" not in reply.text
    assert "Traceback" not in reply.text


async def test_a_question_is_asked_in_each_mode(service: Served) -> None:
    """By meaning, by words, or by both; scores are in [0, 1]."""
    await service.ingested(SEA)
    for mode in ("hybrid", "dense", "lexical"):
        reply = await service.query(question="Where is the lamp?", mode=mode)
        sources = reply.json()["sources"]
        assert "lamp" in sources[0]["text"]
        assert all(0 <= source["score"] <= 1 for source in sources)


async def test_words_that_are_in_no_document_find_nothing_by_words(service: Served) -> None:
    """In lexical mode; by both it is the meaning that decides."""
    await service.ingested(SEA)
    assert (await service.query(question="zyzzyva", mode="lexical")).json()["sources"] == []
    assert (await service.query(question="zyzzyva")).json()["sources"]


async def test_a_search_explains_itself_if_asked(service: Served) -> None:
    """Rank, raw score and contribution in each leg, which are the score; then the reranker's, which is."""
    await service.ingested(SEA)
    plain = (await service.query(question="Where is the lamp?")).json()
    assert "explanation" not in plain
    assert "explanation" not in plain["sources"][0]
    body = (await service.query(question="Where is the lamp?", explain=True, rerank=False)).json()
    best = body["sources"][0]
    legs = best["explanation"]
    assert (legs["rerank"], body["explanation"]["reranked"]) == (None, 0)
    assert legs["lexical"]["rank"] == 1
    added = legs["dense"]["contribution"] + legs["lexical"]["contribution"]
    assert added == pytest.approx(best["score"])
    assert body["explanation"]["dense_candidates"] >= body["explanation"]["lexical_candidates"] > 0
    assert body["explanation"]["vector_weight"] == 0.4
    body = (await service.query(question="Where is the lamp?", explain=True)).json()
    assert all(source["explanation"]["rerank"] == source["score"] for source in body["sources"])
    assert body["explanation"]["reranked"] >= len(body["sources"])


async def test_sources_below_a_score_are_left_out(service: Served) -> None:
    """`min_score`."""
    await service.ingested(SEA)
    scores = [s["score"] for s in (await service.query(question="lamp", mode="dense")).json()["sources"]]
    least = scores[1]
    reply = await service.query(question="lamp", mode="dense", min_score=least)
    assert [source["score"] for source in reply.json()["sources"]] == [s for s in scores if s >= least]


async def test_an_embedder_that_is_away_leaves_the_words(service: Served) -> None:
    """Sources come all the same, and the reply says what was missing, and why; it is described."""
    await service.ingested(SEA)
    for error, reason in (
        (EmbedderUnavailable("away"), "unavailable"),
        (EmbedderUnavailable("late", reason=Reason.TIMEOUT), "timeout"),
        (EmbeddingRejected("no such key"), "rejected"),
    ):
        for mode in ("hybrid", "dense"):
            service.house.embedder.failures.append(error)
            body = (await service.query(question="Where is the lamp?", mode=mode)).json()
            assert "lamp" in body["sources"][0]["text"]
            assert body["degraded"] == ["embedder"]
            assert body["degradations"] == [{"part": "embedder", "reason": reason}]
    assert "degradations" not in (await service.query(question="Where is the lamp?")).json()
    described = (await service.client.get("/schema/openapi.json")).json()["components"]["schemas"]
    assert set(described["Reason"]["enum"]) == {str(reason) for reason in Reason}


async def test_copies_are_given_once_with_their_places(service: Served) -> None:
    """`also_in` cites as a source does; `collapse: false` gives each by itself."""
    first = await service.ingested(b"The lamp is seen far.", name="one.txt")
    second = await service.ingested(b"The  LAMP is seen far!", name="two.txt")
    [source] = (await service.query(question="lamp")).json()["sources"]
    [place] = source["also_in"]
    assert {source["document_id"], place["document_id"]} == {first["id"], second["id"]}
    assert set(place) == {"document_id", "document_name", "collection", "chunk_index", "span", "pages"}
    assert place["pages"] == {"first": 1, "last": 1}
    plain = (await service.query(question="lamp", collapse=False)).json()["sources"]
    assert len(plain) == 2
    assert not any("also_in" in each for each in plain)


async def test_without_a_reranker_reranking_is_refused(tmp_path: Path) -> None:
    """400, and where to set one; without asking nothing is reranked."""
    async with served(tmp_path, rerank_backend="none") as service:
        await service.ingested(SEA)
        reply = await service.query(question="lamp", rerank=True)
        assert (reply.status_code, reply.json()["type"]) == (400, "urn:citewell:problem:invalid-request")
        assert "APP_RERANK_BACKEND" in reply.json()["detail"]
        body = (await service.query(question="lamp", explain=True)).json()
        assert body["explanation"]["reranked"] == 0


async def test_a_reranker_that_is_away_leaves_the_order(tmp_path: Path) -> None:
    """Sources come all the same, and `degraded` and the metrics say what was missing."""
    settings: dict[str, Any] = {
        "rerank_backend": "http",
        "rerank_url": "http://127.0.0.1:1/v1",
        "rerank_model": "m",
    }
    async with served(tmp_path, **settings) as service:
        await service.ingested(SEA)
        body = (await service.query(question="lamp")).json()
        plain = (await service.query(question="lamp", rerank=False)).json()
        assert (body["sources"], body["degraded"]) == (plain["sources"], ["reranker"])
        assert plain["degraded"] == []
        metrics = (await service.client.get("/metrics")).text
    assert 'part="reranker"} 1.0' in metrics


async def test_diverse_sources_come_as_they_were_chosen(service: Served) -> None:
    """`diversity` goes from the request to the search."""
    for text in (
        b"The red lamp of the north mole.",
        b"The red lamp of a north mole.",
        b"A lamp costs money.",
    ):
        await service.ingested(text)
    asked = {"question": "red lamp north mole", "top_k": 2, "collapse": False}
    plain = (await service.query(**asked)).json()["sources"]
    diverse = (await service.query(**asked, diversity=0.7)).json()["sources"]
    assert "red" in plain[1]["text"]
    assert "money" in diverse[1]["text"]


async def test_what_a_question_needs_is_open_while_the_service_is(tmp_path: Path) -> None:
    """The language model and the reranker too, which the API alone has."""

    class Opened(ScriptedLLM):
        is_open = False

        async def __aenter__(self) -> Self:
            self.is_open = True
            return self

        async def __aexit__(self, *_: object) -> None:
            self.is_open = False

    llm = Opened()
    async with served(tmp_path, llm=llm):
        assert llm.is_open
    assert not llm.is_open
