"""Pages as images over HTTP: in-memory stores, PDFs read and drawn in child processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import pymupdf
import pytest
import pytest_asyncio
from tests.house import House
from tests.http_app import API, Served, served

from citewell.memory import SheetRenderer
from citewell.model import Box
from citewell.testing.images import Picture, marked_pixels
from citewell_adapters.parsing import ChildLimits, ChildParser, ChildRenderer
from citewell_adapters.pymupdf import (
    PDF,
    PDF_DRAWER,
    PDF_READER,
    PDF_UNLOCKER,
    detect_pdf,
    drawing_version,
)

# Most of PyMuPDF has no types.
_pymupdf: Any = pymupdf
_SECONDS = 3.0


def pdf(pages: int = 3, *, rotation: int = 0, **options: Any) -> bytes:
    """Pages of one long sentence, so that some chunks are on two of them."""
    with _pymupdf.open() as document:
        for number in range(1, pages + 1):
            page = document.new_page(width=300, height=400)
            lines = [f"and {number}.{line} goes on about tides and weather" for line in range(11)]
            page.insert_text((30, 60), lines, fontsize=10)
            page.set_rotation(rotation)
        return bytes(document.tobytes(**options))


def hostile() -> bytes:
    """One page: its words are read at once, and drawing its pattern takes for ever."""
    with _pymupdf.open() as document:
        page = document.new_page(width=300, height=400)
        page.insert_text((30, 60), "A page that nobody can draw.")
        xref = page.get_contents()[-1]
        endless = b"q 1 0 0 RG 0.01 w " + b"0 0 m 300 400 l 300 0 l 0 400 l S " * 400_000 + b"Q"
        document.update_stream(xref, document.xref_stream(xref) + endless)
        return bytes(document.tobytes(deflate=True))


@dataclass
class CountingRenderer:
    """Counts what is drawn."""

    renderer: ChildRenderer
    drawn: int = field(default=0)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def version(self) -> str:
        return self.renderer.version

    def draws(self, media_type: str) -> bool:
        return self.renderer.draws(media_type)

    async def draw(self, *arguments: Any, **options: Any) -> bytes:
        self.drawn += 1
        self.begun.set()
        return await self.renderer.draw(*arguments, **options)


@pytest.fixture(scope="module")
async def children() -> AsyncIterator[tuple[ChildParser, ChildRenderer]]:
    limits = ChildLimits(file_seconds=_SECONDS, page_seconds=_SECONDS)
    async with (
        ChildParser(reader=PDF_READER, unlocker=PDF_UNLOCKER, detect=detect_pdf) as parser,
        ChildRenderer(
            drawer=PDF_DRAWER, media_types=[PDF], version=drawing_version(), limits=limits
        ) as renderer,
    ):
        yield parser, renderer


@dataclass
class Gallery:
    """A service that draws PDFs."""

    service: Served
    renderer: CountingRenderer

    async def get(self, document: dict[str, Any], path: str, **headers: str) -> httpx.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.service.client.get(f"{API}/documents/{document['id']}{path}", headers=given)

    async def picture(self, document: dict[str, Any], path: str) -> Picture:
        reply = await self.get(document, path)
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"] == "image/png"
        return Picture.of(reply.content)

    async def chunks(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.get(document, "/chunks")).json()["items"]
        return items


@pytest_asyncio.fixture(loop_scope="session")
async def gallery(tmp_path: Path, children: tuple[ChildParser, ChildRenderer]) -> AsyncIterator[Gallery]:
    parser, renderer = children
    house = House(tmp_path, parser=cast("Any", parser))
    house.renderer = counting = CountingRenderer(renderer)
    async with served(tmp_path, house=house, max_upload_bytes=1 << 25) as service:
        yield Gallery(service, counting)


def on_page(boxes: Sequence[dict[str, float]], number: int) -> list[Box]:
    return [
        Box(box["left"], box["top"], box["right"], box["bottom"]) for box in boxes if box["page"] == number
    ]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
async def test_the_lines_of_a_chunk_are_marked_and_nothing_else(gallery: Gallery, rotation: int) -> None:
    """On each page that it is on, however the page is turned; all ink of its words lies within."""
    document = await gallery.service.ingested(pdf(rotation=rotation), name="a.pdf")
    chunks = await gallery.chunks(document)
    across = [chunk for chunk in chunks if chunk["pages"]["first"] < chunk["pages"]["last"]]
    for chunk in [chunks[0], across[0], chunks[-1]]:
        for number in range(chunk["pages"]["first"], chunk["pages"]["last"] + 1):
            bare = await gallery.picture(document, f"/pages/{number}.png?scale=1")
            marked = await gallery.picture(document, f"/pages/{number}.png?scale=1&chunk={chunk['index']}")
            wide = rotation in (90, 270)
            assert (bare.width, bare.height) == ((400, 300) if wide else (300, 400))
            touched = marked_pixels(on_page(chunk["boxes"], number), bare.width, bare.height)
            assert touched
            assert marked.differing(bare) == touched
            ink = {place for place in touched if bare.pixel(*place) != b"\xff\xff\xff"}
            assert len(ink) > len(touched) / 20


async def test_a_source_leads_to_its_image(gallery: Gallery) -> None:
    """By document, page and chunk index alone."""
    document = await gallery.service.ingested(pdf(), name="a.pdf")
    body = {"question": "tides", "document_id": document["id"], "expand": 1}
    [source, *_] = (await gallery.service.query(**body)).json()["sources"]
    assert {box["page"] for box in source["boxes"]} <= {1, 2, 3}
    assert source["boxes"]
    passage = [tuple(box.items()) for box in source["passage"]["boxes"]]
    assert {tuple(box.items()) for box in source["boxes"]} < set(passage)
    assert len(set(passage)) == len(passage)
    path = f"/pages/{source['boxes'][0]['page']}.png?chunk={source['chunk_index']}"
    assert (await gallery.get(document, path)).status_code == 200


async def test_what_is_known_already_is_not_drawn_again(gallery: Gallery) -> None:
    """From the cache; by `If-None-Match` not even sent, and drawn for neither."""
    document = await gallery.service.ingested(pdf(), name="a.pdf")
    path = "/pages/1.png?chunk=0"
    first = await gallery.get(document, path)
    again = await gallery.get(document, path)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert first.headers["cache-control"] == "private, no-cache"
    unchanged = await gallery.get(document, path, if_none_match=first.headers["etag"])
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == first.headers["etag"]
    assert gallery.renderer.drawn == 1
    unseen = await gallery.get(document, "/pages/2.png", if_none_match="*")
    assert unseen.status_code == 304
    assert gallery.renderer.drawn == 1


async def test_the_tag_tells_all_that_an_image_is_made_of(gallery: Gallery) -> None:
    """Document's bytes, page, chunk and scale; nothing else."""
    content = pdf()
    one = await gallery.service.ingested(content, name="a.pdf")
    same = await gallery.service.ingested(content, name="b.pdf", collection="other")
    two = await gallery.service.ingested(pdf(4), name="c.pdf")
    asked = [
        (one, "/pages/1.png"), (two, "/pages/1.png"), (one, "/pages/2.png"), (one, "/pages/1.png?chunk=0"),
        (one, "/pages/1.png?chunk=1"), (one, "/pages/1.png?scale=1"),
    ]  # fmt: skip
    tags = [(await gallery.get(*each)).headers["etag"] for each in asked]
    assert len(set(tags)) == len(tags)
    assert not any(tag.startswith("W/") for tag in tags)
    assert (await gallery.get(same, "/pages/1.png")).headers["etag"] == tags[0]
    assert (await gallery.get(one, "/pages/1.png?scale=1.5000001")).headers["etag"] == tags[0]


async def test_head_tells_what_get_would(gallery: Gallery) -> None:
    """The same status and headers, the length too."""
    document = await gallery.service.ingested(pdf(), name="a.pdf")
    address = f"{API}/documents/{document['id']}/pages"
    for path, status in (("1.png", 200), ("1.png?chunk=0", 200), ("9.png", 404), ("1.png?chunk=99", 404)):
        told = await gallery.service.client.head(f"{address}/{path}")
        assert (told.status_code, told.content) == (status, b"")
    told = await gallery.service.client.head(f"{address}/1.png")
    got = await gallery.service.client.get(f"{address}/1.png")
    for header in ("etag", "cache-control", "content-type", "content-length"):
        assert told.headers[header] == got.headers[header]
    assert gallery.renderer.drawn == 2
    known = {"If-None-Match": got.headers["etag"]}
    assert (await gallery.service.client.head(f"{address}/1.png", headers=known)).status_code == 304


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("/pages/4.png", "page-not-found", "pages 1 to 3, and no page 4"),
        ("/pages/999999999.png", "page-not-found", "no page 999999999"),
        ("/pages/1.png?chunk=99", "chunk-not-found", "no chunk 99"),
        ("/pages/3.png?chunk=0", "page-not-found", "Chunk 0 is on page 1, not on page 3"),
    ],
)
async def test_what_is_not_there_is_told(gallery: Gallery, path: str, kind: str, said: str) -> None:
    """404, with what there is instead."""
    document = await gallery.service.ingested(pdf(), name="a.pdf")
    reply = await gallery.get(document, path)
    assert (reply.status_code, reply.json()["type"]) == (404, f"urn:citewell:problem:{kind}")
    assert said in reply.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["0.png", "-1.png", "x.png", "1", "1.jpg", "01.png", "1.png.png", "%31.pn", "1.png%0A", "9999999999.png",
     "1.png?scale=0", "1.png?scale=4.1", "1.png?scale=nan", "1.png?scale=inf", "1.png?scale=x",
     "1.png?chunk=-1", "1.png?chunk=x", "1.png?chunk=99999999999"],
)  # fmt: skip
async def test_a_wrong_request_is_refused(gallery: Gallery, path: str) -> None:
    """400."""
    document = await gallery.service.ingested(pdf(1), name="a.pdf")
    assert (await gallery.get(document, f"/pages/{path}")).status_code == 400


async def test_an_unknown_document_has_no_page(gallery: Gallery) -> None:
    """404."""
    reply = await gallery.get({"id": "0199c1f0-7d6e-7c3a-9b57-2f6f3c1f9a10"}, "/pages/1.png")
    assert reply.json()["type"] == "urn:citewell:problem:document-not-found"


async def test_a_document_that_is_not_ready_has_no_page(gallery: Gallery) -> None:
    """409."""
    uploaded = (await gallery.service.upload(pdf(), name="a.pdf")).json()
    reply = await gallery.get(uploaded, "/pages/1.png")
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:citewell:problem:document-not-ready")


async def test_text_has_no_pages_to_draw(tmp_path: Path) -> None:
    """409, and what can be done instead."""
    house = House(tmp_path)
    house.renderer = SheetRenderer([PDF])
    async with served(tmp_path, house=house) as service:
        document = await service.ingested(b"The lamp on the mole is seen far.")
        reply = await service.client.get(f"{API}/documents/{document['id']}/pages/1.png")
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:citewell:problem:no-page-images")
    assert "/text" in reply.json()["detail"]


async def test_an_encrypted_document_is_drawn_of_its_unlocked_copy(gallery: Gallery) -> None:
    """Nobody is asked for the password again."""
    locked = pdf(encryption=_pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret", owner_pw="owner")
    document = await gallery.service.ingested(locked, name="a.pdf", password="secret")
    plain = await gallery.service.ingested(pdf(), name="b.pdf")
    for path in ("/pages/2.png", "/pages/1.png?chunk=0"):
        shown, same = await gallery.picture(document, path), await gallery.picture(plain, path)
        assert shown.rows == same.rows


async def test_what_was_replaced_is_drawn_until_the_new_one_is_ready(gallery: Gallery) -> None:
    """The live revision, as in a search; then the new one, under another tag."""
    document = await gallery.service.ingested(pdf(), name="a.pdf")
    before = await gallery.get(document, "/pages/1.png")
    await gallery.service.put(document["id"], pdf(2, rotation=90), name="a.pdf")
    assert (await gallery.get(document, "/pages/1.png")).content == before.content
    await gallery.service.ingest_all()
    after = await gallery.get(document, "/pages/1.png", if_none_match=before.headers["etag"])
    assert after.status_code == 200
    assert Picture.of(after.content).width > Picture.of(before.content).width
    assert (await gallery.get(document, "/pages/3.png")).status_code == 404


async def test_nothing_is_left_of_what_was_deleted(gallery: Gallery) -> None:
    """Neither served nor kept, also what is drawn while it is deleted."""
    images = gallery.service.house.images
    document = await gallery.service.ingested(pdf(), name="a.pdf")
    await gallery.get(document, "/pages/1.png")
    assert list(await images.contents()) == [document["sha256"]]
    gallery.renderer.begun.clear()
    drawing = asyncio.create_task(gallery.get(document, "/pages/2.png"))
    await gallery.renderer.begun.wait()
    await gallery.service.client.delete(f"{API}/documents/{document['id']}")
    await drawing
    assert list(await images.contents()) == []
    assert (await gallery.get(document, "/pages/1.png")).status_code == 404


async def test_a_page_that_cannot_be_drawn_harms_nobody(gallery: Gallery) -> None:
    """422 after the time that it may take; whoever draws another page meanwhile gets it."""
    document = await gallery.service.ingested(hostile(), name="hostile.pdf")
    other = await gallery.service.ingested(pdf(), name="a.pdf")
    began = asyncio.get_running_loop().time()
    reply, drawn = await asyncio.gather(
        gallery.get(document, "/pages/1.png?scale=4"), gallery.get(other, "/pages/1.png")
    )
    assert asyncio.get_running_loop().time() - began < 3 * _SECONDS
    assert (reply.status_code, reply.json()["type"]) == (422, "urn:citewell:problem:page-undrawable")
    assert "time" in reply.json()["detail"]
    assert drawn.status_code == 200
    assert (await gallery.get(other, "/pages/2.png")).status_code == 200


async def test_who_is_too_many_is_told_when_to_come_back(gallery: Gallery) -> None:
    """503 with Retry-After; those before get their images."""
    document = await gallery.service.ingested(pdf(), name="a.pdf")
    scales = [0.5 + place / 100 for place in range(20)]
    replies = await asyncio.gather(*(gallery.get(document, f"/pages/1.png?scale={s}") for s in scales))
    refused = [reply for reply in replies if reply.status_code == 503]
    assert {reply.status_code for reply in replies} == {200, 503}
    assert len(replies) - len(refused) >= 8
    assert refused[0].json()["type"] == "urn:citewell:problem:renderer-busy"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert (await gallery.get(document, f"/pages/1.png?scale={scales[-1]}")).status_code == 200
