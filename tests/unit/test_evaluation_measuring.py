"""An evaluation of a server that is scripted: what is uploaded, waited for, asked and refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from citewell_entrypoints.client import Address, Api, RemoteDocument
from citewell_entrypoints.client.errors import Busy, Refused
from citewell_entrypoints.client.transport import Reply
from citewell_entrypoints.evaluation import BeirFolder
from citewell_entrypoints.evaluation.asking import Asking
from citewell_entrypoints.evaluation.beir import Passage
from citewell_entrypoints.evaluation.bringing import bring_in
from citewell_entrypoints.evaluation.corpus import Corpus
from citewell_entrypoints.evaluation.errors import UnusableServer

FOLDER = BeirFolder(
    "tides",
    (Passage("d1", "Tides", "High."), Passage("d2", "", "Fog."), Passage("d3", "", "Fog.")),
    {"q1": "When is it high?", "d2": "Fog."},
    {"q1": {"d1": 1}, "d2": {"d3": 1}},
    (),
)
CORPUS = Corpus.of(FOLDER)
IDS = {"one": ("d1",), "two": ("d2", "d3")}


class ScriptedApi(Api):
    """A server that holds documents; `end` says what becomes of one when it is looked for the second time."""

    def __init__(self) -> None:
        super().__init__(Address("127.0.0.1", 9))
        self.held: dict[str, dict[str, Any]] = {}
        self.fields: list[Mapping[str, str]] = []
        self.retried: list[str] = []
        self.asked: list[Mapping[str, Any]] = []
        self.end: dict[str, Any] = {"status": "ready"}
        self.reply: dict[str, Any] = {"answer": None, "sources": [], "degraded": []}
        self.busy = 0

    def upload(
        self, path: Path, *, fields: Mapping[str, str], sent: Callable[[int], None]
    ) -> tuple[RemoteDocument, bool]:
        self.fields.append(fields)
        return self.hold(path.read_bytes(), name=path.name, status="processing"), True

    def hold(self, content: bytes, **state: Any) -> RemoteDocument:
        """A document of these bytes."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.held[sha256] = {"id": f"id-{sha256[:6]}", "name": "", "sha256": sha256, **state}
        return RemoteDocument.of(self.held[sha256])

    def retry(self, document_id: str) -> RemoteDocument:
        self.retried.append(document_id)
        [document] = [raw for raw in self.held.values() if raw["id"] == document_id]
        document.update(status="queued", error=None)
        return RemoteDocument.of(document)

    def documents(self, **filters: str) -> Iterator[RemoteDocument]:
        assert filters["collection"] == "tides"
        status = filters.get("status")
        for raw in list(self.held.values()):
            if status is None or raw["status"] == status:
                yield RemoteDocument.of(raw)
                if status is not None:
                    raw.update(self.end)

    def query(self, body: Mapping[str, Any]) -> Reply:
        self.asked.append(body)
        if self.busy:
            self.busy -= 1
            raise Busy("later", status=503, title="Busy", retry_after_seconds=0.01)
        return Reply(200, {}, json.dumps(self.reply))


@pytest.fixture
def api() -> ScriptedApi:
    """A server without any documents."""
    return ScriptedApi()


def told(_what: str, _done: int, _total: int) -> None:
    """Nobody listens."""


def asking(api: Api, *, ignore_identical: bool = False) -> Asking:
    """Questions to the collection `tides`."""
    return Asking(api, collection="tides", ids=IDS, ignore_identical=ignore_identical)


def sources(*documents: str) -> dict[str, Any]:
    """A reply with sources of these documents."""
    return {"answer": None, "sources": [{"document_id": one} for one in documents], "degraded": []}


def test_each_file_is_uploaded_once_and_waited_for(api: ScriptedApi) -> None:
    """With its id as metadata; one document stands for two passages of the same text."""
    steps: list[tuple[str, int, int]] = []
    ids = bring_in(api, CORPUS, collection="tides", tell=lambda *step: steps.append(step))
    assert sorted(ids.values()) == [("d1",), ("d2", "d3")]
    assert sorted(json.loads(fields["metadata"])["beir_id"] for fields in api.fields) == ["d1", "d2"]
    assert {fields["collection"] for fields in api.fields} == {"tides"}
    assert steps == [
        ("uploading", 1, 2),
        ("uploading", 2, 2),
        ("ingesting", 0, 2),
        ("ingesting", 2, 2),
    ]


def test_what_is_there_is_not_uploaded_again(api: ScriptedApi) -> None:
    """The bytes tell."""
    first = bring_in(api, CORPUS, collection="tides", tell=told)
    api.fields.clear()
    assert bring_in(api, CORPUS, collection="tides", tell=told) == first
    assert api.fields == []


def test_what_failed_before_is_tried_again_and_what_has_no_text_is_not(api: ScriptedApi) -> None:
    """A document without text is missing from what can be found."""
    no_text = {"status": "failed", "error": {"code": "no_text", "message": ""}}
    failed = {"status": "failed", "error": {"code": "attempts_exhausted", "message": ""}}
    tried = api.hold(CORPUS.files[0].content(), **failed)
    api.hold(CORPUS.files[1].content(), **no_text)
    ids = bring_in(api, CORPUS, collection="tides", tell=told)
    assert api.retried == [tried.id]
    assert ids == {tried.id: ("d1",)}


def test_documents_that_failed_end_the_evaluation(api: ScriptedApi) -> None:
    """Figures without them would be wrong; the codes are counted."""
    api.end = {"status": "failed", "error": {"code": "attempts_exhausted", "message": "…"}}
    with pytest.raises(UnusableServer, match=r"not ready: 2 of 2 \(2 attempts_exhausted; one is"):
        bring_in(api, CORPUS, collection="tides", tell=told)


def test_a_collection_of_other_documents_is_refused(api: ScriptedApi) -> None:
    """Nothing is uploaded into it."""
    api.hold(b"something else", status="ready")
    with pytest.raises(UnusableServer, match=r"tides holds other documents than this corpus \(1\)"):
        bring_in(api, CORPUS, collection="tides", tell=told)
    assert api.fields == []


def test_documents_are_ranked_by_their_best_passage(api: ScriptedApi) -> None:
    """Each once, where it came first; two ids of one text follow each other."""
    api.reply = sources("two", "one", "two")
    found = asking(api)(FOLDER.questions, mode="dense", threads=2, tell=told)
    assert list(found) == ["q1", "d2"]
    assert found["q1"].ranking == ("d2", "d3", "d1")
    assert all(result.seconds > 0 for result in found.values())
    assert api.asked[0] == {
        "question": "When is it high?",
        "top_k": 100,
        "collection": "tides",
        "mode": "dense",
    }


def test_a_question_that_is_a_document_does_not_find_itself(api: ScriptedApi) -> None:
    """Only where it was asked for; the other passage of the same text stays."""
    api.reply = sources("two", "one")
    found = asking(api, ignore_identical=True)(FOLDER.questions, mode="dense", threads=1, tell=told)
    assert found["d2"].ranking == ("d3", "d1")
    assert found["q1"].ranking == ("d2", "d3", "d1")


def test_a_busy_server_is_asked_again(api: ScriptedApi) -> None:
    """Each question gets its reply."""
    api.reply, api.busy = sources("one"), 2
    found = asking(api)(FOLDER.questions, mode="dense", threads=1, tell=told)
    assert {result.ranking for result in found.values()} == {("d1",)}
    assert len(api.asked) == 2 + 3


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ({**sources("one"), "degraded": ["embedder"]}, "the question 'q1' lacks embedder"),
        (sources("three"), "the collection tides was changed meanwhile"),
    ],
)
def test_replies_that_would_falsify_the_figures_end_it(
    api: ScriptedApi, reply: dict[str, Any], reason: str
) -> None:
    """A leg that is away, a document that is not of the corpus."""
    api.reply = reply
    with pytest.raises(UnusableServer, match=reason):
        asking(api)(FOLDER.questions, mode="dense", threads=1, tell=told)


def test_a_language_model_that_is_away_changes_nothing(api: ScriptedApi) -> None:
    """The sources are the same."""
    api.reply = {**sources("one"), "degraded": ["llm"]}
    assert asking(api)(FOLDER.questions, mode="dense", threads=1, tell=told)["q1"].ranking == ("d1",)


def test_a_refused_question_is_named() -> None:
    """With what the server said."""

    class Refusing(ScriptedApi):
        def query(self, body: Mapping[str, Any]) -> Reply:
            raise Refused("the question is too long", status=400, title="Invalid")

    with pytest.raises(UnusableServer, match="'q1' was refused: the question is too long"):
        asking(Refusing())(FOLDER.questions, mode="dense", threads=1, tell=told)


def test_the_places_of_a_copy_count_beside_it(api: ScriptedApi) -> None:
    """A document whose text is another's is found where that one is."""
    ids = {"one": ("d1",), "two": ("d2",), "three": ("d3",)}
    ask = Asking(api, collection="tides", ids=ids, ignore_identical=False)
    api.reply = sources("one", "two")
    api.reply["sources"][0]["also_in"] = [{"document_id": "three"}]
    fields = {"mode": "hybrid", "rerank": True}
    found = ask(FOLDER.questions, mode="reranked", fields=fields, threads=1, tell=told)
    assert found["q1"].ranking == ("d1", "d3", "d2")
    asked = {**api.asked[-1], "question": "x"}
    assert asked == {"question": "x", "top_k": 100, "collection": "tides", **fields}
