"""Real PDFs, good and bad, through the whole service. They lie beside the checkout, where there are any."""

from __future__ import annotations

import csv
import random
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pymupdf
import pytest
from tests.e2e.serving import Service, ended, serving
from tests.word_boxes import coverage, printed_words

from citewell.model import Box, PageBox
from citewell.testing.images import Picture, marked_pixels

PDFS = Path(__file__).parents[3] / "shared" / "pdfs"
API = "/api/v1"

pytestmark = pytest.mark.skipif(not PDFS.is_dir(), reason="the collection of real PDFs is not here")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own for these files."""
    with serving(tmp_path_factory.mktemp("real")) as running:
        yield running


@pytest.fixture(scope="module")
def documents(service: Service) -> dict[str, dict[str, Any]]:
    """Every file of the manifest, by its path, once its document's status is an end."""
    with httpx.Client(base_url=service.url, timeout=60) as client:
        ids = {}
        for row in manifest():
            path = PDFS / row["file"]
            reply = client.post(
                f"{API}/documents",
                files={"file": (path.name, path.read_bytes())},
                data={"collection": path.parent.name},
            )
            assert reply.status_code in {200, 202}, reply.text
            ids[row["file"]] = reply.json()["id"]
        return {file: ended(client, id_, within_seconds=240) for file, id_ in ids.items()}


def manifest() -> list[dict[str, str]]:
    with (PDFS / "manifest.tsv").open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_each_file_ends_as_expected(documents: dict[str, dict[str, Any]]) -> None:
    """`ready`, or `failed` with the code of the manifest, in the first attempt."""
    wrong = {}
    for row in manifest():
        document = documents[row["file"]]
        code = (document["error"] or {}).get("code")
        ending = document["status"] if code is None else f"{document['status']}: {code}"
        if (ending, document["attempts"]) != (row["expect"], 1):
            wrong[row["file"]] = (ending, row["expect"], document["attempts"])
    assert wrong == {}


def test_sources_stand_at_their_spans_and_pages(
    service: Service, documents: dict[str, dict[str, Any]]
) -> None:
    """For random sources: the text at the span is the source's text, and its words are on its pages."""
    chance = random.Random(7)
    ready = {file: document for file, document in documents.items() if document["status"] == "ready"}
    with httpx.Client(base_url=service.url, timeout=60) as client:
        for file in chance.sample(sorted(ready), 25) + [f for f in sorted(ready) if f.startswith("huge/")]:
            id_ = ready[file]["id"]
            text = client.get(f"{API}/documents/{id_}/text").content.decode()
            body = {"document_id": id_, "question": "the total amount of the year", "top_k": 100}
            sources = client.post(f"{API}/query", json=body).json()["sources"]
            assert sources
            for source in chance.sample(sources, min(6, len(sources))):
                span = source["span"]
                assert source["text"] == text[span["start"] : span["end"]], file
                assert words(source["text"]) <= words_on_pages(file, **source["pages"]), file
                assert_boxes_cover(file, source)


def assert_boxes_cover(file: str, source: dict[str, Any]) -> None:
    """The words of a source that is on one page lie within its boxes there."""
    pages = source["pages"]
    assert {box["page"] for box in source["boxes"]} <= set(range(pages["first"], pages["last"] + 1)), file
    if pages["first"] == pages["last"]:
        boxes = [
            PageBox(box["page"], Box(box["left"], box["top"], box["right"], box["bottom"]))
            for box in source["boxes"]
        ]
        with pymupdf.open(str(PDFS / file)) as document:  # type: ignore[no-untyped-call]
            covered, known = coverage(source["text"], boxes, printed_words(document, pages["first"]))
        assert covered == known, file


def test_pages_are_drawn_with_their_sources(service: Service, documents: dict[str, dict[str, Any]]) -> None:
    """Any document that is ready: no pixel is marked but those of the boxes, and nearly all of these are."""
    chance = random.Random(8)
    ready = sorted(file for file, document in documents.items() if document["status"] == "ready")
    with httpx.Client(base_url=service.url, timeout=60) as client:
        for file in chance.sample(ready, 8):
            id_ = documents[file]["id"]
            chunk = chance.choice(client.get(f"{API}/documents/{id_}/chunks").json()["items"])
            number = chunk["boxes"][0]["page"]
            page = f"{API}/documents/{id_}/pages/{number}.png?scale=0.5"
            bare, marked = client.get(page), client.get(f"{page}&chunk={chunk['index']}")
            assert (bare.status_code, marked.status_code) == (200, 200), (file, bare.text[:200])
            picture = Picture.of(bare.content)
            boxes = [
                Box(box["left"], box["top"], box["right"], box["bottom"])
                for box in chunk["boxes"]
                if box["page"] == number
            ]
            touched = marked_pixels(boxes, picture.width, picture.height)
            differing = Picture.of(marked.content).differing(picture)
            assert differing <= touched, file
            assert len(differing) > 0.8 * len(touched), file


def words(text: str) -> set[str]:
    """Ligatures taken apart: PyMuPDF's default keeps them."""
    text = unicodedata.normalize("NFKC", text)
    return set(re.findall(r"\w+", text))


def words_on_pages(file: str, first: int, last: int) -> set[str]:
    """The words that PyMuPDF itself reads on these pages (numbers from 1)."""
    found = set[str]()
    with pymupdf.open(str(PDFS / file)) as document:  # type: ignore[no-untyped-call]
        for number in range(first, last + 1):
            found |= words(str(document.load_page(number - 1).get_text()))
    return found
