"""`citewell eval` of a small generated collection against a real `citewell serve`."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.serving import Service, serving

from citewell.evaluation import METRICS

CLI = (sys.executable, "-m", "citewell_entrypoints.cli")
PLACES = (
    "harbour",
    "lighthouse",
    "market",
    "museum",
    "bakery",
    "library",
    "school",
    "station",
    "garden",
    "mill",
)
THINGS = ("opening hours", "history", "staff", "repairs")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for the module's tests."""
    with serving(tmp_path_factory.mktemp("eval")) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty documents with a question each; besides, one document twice, one without any text."""
    path, chance = tmp_path_factory.mktemp("beir") / "town", random.Random(5)
    path.mkdir()
    corpus, queries, qrels = [], [], ["query-id\tcorpus-id\tscore"]
    for number, (place, thing) in enumerate((place, thing) for place in PLACES for thing in THINGS):
        filling = " ".join(chance.choices(("day", "town", "people", "year", "often", "new"), k=20))
        title = f"The {thing} of the {place}" if number % 2 else ""
        text = f"{filling}. The {thing} of the {place} are told here. {filling}."
        corpus.append({"_id": f"d{number}", "title": title, "text": text})
        queries.append({"_id": f"q{number}", "text": f"{thing} of the {place}"})
        qrels.append(f"q{number}\td{number}\t1")
    corpus += [{**corpus[0], "_id": "twin"}, {"_id": "empty", "title": "", "text": " "}]
    queries.append({"_id": "unjudged", "text": "Who knows?"})
    (path / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in corpus))
    (path / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in queries))
    (path / "qrels.tsv").write_text("\n".join(qrels) + "\n")
    return path


def citewell_eval(service: Service, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    return subprocess.run(
        [*CLI, "eval", *map(str, arguments), "--url", service.url],
        env={**others, "COLUMNS": "80"},
        cwd=service.data_dir.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def documents(service: Service, collection: str) -> dict[str, Any]:
    """What the server holds of a collection, by the id in the corpus."""
    reply = httpx.get(
        f"{service.url}/api/v1/documents", params={"collection": collection, "limit": "100"}, timeout=10
    )
    return {item["metadata"]["beir_id"]: item for item in reply.json()["items"]}


def test_a_collection_is_brought_in_asked_and_judged(service: Service, folder: Path, tmp_path: Path) -> None:
    """Figures for each mode, a file with each question, a page; what was left out is said."""
    run_file, page = tmp_path / "run.json", tmp_path / "run.html"
    done = citewell_eval(service, folder, "--json", run_file, "--html", page)
    assert done.returncode == 0, done.stdout + done.stderr
    run = json.loads(run_file.read_text())
    held = documents(service, run["collection"])
    assert "town: 40 questions, 41 documents" in done.stdout
    assert "questions left out, for nothing is relevant to them: 1 of 41" in done.stdout
    assert "documents without text, which nothing finds: 1" in done.stdout
    assert len(held) == 40
    assert {document["status"] for document in held.values()} == {"ready"}
    assert held["d1"]["media_type"] == "text/markdown"
    assert held["d2"]["media_type"] == "text/plain"
    assert "<svg" in page.read_text()
    for name in run["modes"]:
        figures = run["modes"][name]["metrics"]
        assert figures["nDCG@10"]["mean"] > 0.8
        assert figures["Recall@100"]["mean"] == 1.0
        assert f"{figures['nDCG@10']['mean']:.3f} [{figures['nDCG@10']['low']:.3f}" in done.stdout
        assert run["modes"][name]["latency_ms"]["p50"] > 0


def test_the_file_holds_what_the_server_found(service: Service, folder: Path, tmp_path: Path) -> None:
    """The ranking is that of the API, the scores are those of the ranking, twins follow each other."""
    run_file = tmp_path / "run.json"
    assert citewell_eval(service, folder, "--modes", "dense", "--json", run_file).returncode == 0
    run = json.loads(run_file.read_text())
    names = {document["id"]: name for name, document in documents(service, run["collection"]).items()}
    for question, text in list(run["questions"].items())[:5]:
        body = {"question": text, "top_k": 100, "collection": run["collection"], "mode": "dense"}
        sources = httpx.post(f"{service.url}/api/v1/query", json=body, timeout=10).json()["sources"]
        expected = list(dict.fromkeys(names[source["document_id"]] for source in sources))
        expected.insert(expected.index("d0") + 1, "twin")
        result = run["modes"]["dense"]["questions"][question]
        assert result["ranking"] == expected
        for name, metric in METRICS.items():
            assert result[name] == metric(expected, {question.replace("q", "d"): 1})


def test_a_second_run_brings_nothing_in_and_finds_the_same(
    service: Service, folder: Path, tmp_path: Path
) -> None:
    """Documents stay as they are; the comparison of the two finds no question that moved."""
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert citewell_eval(service, folder, "--json", first).returncode == 0
    collection = json.loads(first.read_text())["collection"]
    before = documents(service, collection)
    again = citewell_eval(service, folder, "--json", second, "--threads", "1")
    assert again.returncode == 0
    assert "uploading" not in again.stderr
    assert documents(service, collection) == before
    compared = citewell_eval(service, "--compare", first, second)
    assert compared.returncode == 0, compared.stderr
    assert "No question moved." in compared.stdout


def test_a_mode_that_the_server_lacks_is_one_line(service: Service, folder: Path) -> None:
    """With those that it has, before anything is uploaded."""
    done = citewell_eval(service, folder, "--modes", "dense,telepathy", "--collection", "unused")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the server knows no mode telepathy: it has ")
    assert len(done.stderr.splitlines()) == 1
    assert documents(service, "unused") == {}


def test_a_collection_of_other_documents_is_left_alone(service: Service, folder: Path) -> None:
    """One line that says what to do."""
    note = {"file": ("note.txt", b"Something else.")}
    httpx.post(
        f"{service.url}/api/v1/documents", files=note, data={"collection": "mine"}, timeout=10
    ).raise_for_status()
    done = citewell_eval(service, folder, "--collection", "mine")
    assert done.returncode == 1
    assert "mine holds other documents than this corpus (1): give another" in done.stderr
