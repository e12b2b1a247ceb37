"""Garbage in, 4xx out: nothing that a caller sends is an error of the server's."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest_asyncio
from tests.http_app import API, BOUNDARY, Served, form, part, served

CASES = 1_500
STRINGS = [
    "", " ", "x", "\0", "a\0b", "💡", "\u202e", "\ud7ff", "￿", "default", "a b", "0", "null", "true", "-1",
    "x" * 8_000, "x" * 8_001, "../..", "%00", "{}", "'; DROP TABLE documents; --", "\\", '"', "\n",
]  # fmt: skip
NUMBERS = [0, -1, 1, 5, 100, 101, 2**31, 2**63, 2**64, -(2**63) - 1, 1.5, 5.0, 1e308, -0.0]


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        await running.ingested(b"The lamp on the mole is seen far.")
        yield running


def value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(7 if depth < 3 else 5)
    if kind == 0:
        return chance.choice(STRINGS)
    if kind == 1:
        return chance.choice(NUMBERS)
    if kind == 2:
        return chance.choice([None, True, False])
    if kind == 3:
        return str(uuid4())
    if kind == 4:
        return "".join(
            chr(chance.choice([chance.randrange(128), chance.randrange(0xD800)])) for _ in range(9)
        )
    if kind == 5:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(STRINGS): value(chance, depth + 1) for _ in range(chance.randrange(4))}


def question(chance: random.Random) -> bytes:
    names = ["question", "top_k", "document_id", "document_ids", "collection", "mode", "other"]
    good = {"question": "lamp", "top_k": 3, "mode": "dense", "collection": "default"}
    body = {name: good[name] for name in good if chance.random() < 0.7}
    for name in chance.sample(names, chance.randrange(3)):
        body[name] = value(chance)
    text = json.dumps(body, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    return mutated(text, chance) if chance.random() < 0.4 else text


def mutated(content: bytes, chance: random.Random) -> bytes:
    broken = bytearray(content)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(broken) + 1)
        if chance.random() < 0.5:
            broken[place:place] = chance.randbytes(chance.randrange(1, 5))
        else:
            del broken[place : place + chance.randrange(1, 5)]
    return bytes(broken)


async def test_no_question_is_an_error_of_the_server(service: Served) -> None:
    """200, 400, 404: each a JSON object, the latter two problems."""
    chance = random.Random(20_261)
    seen: dict[int, int] = {}
    for _ in range(CASES):
        body = question(chance)
        reply = await service.client.post(f"{API}/query", content=body)
        assert reply.status_code in {200, 400, 404}, (body, reply.text)
        seen[reply.status_code] = seen.get(reply.status_code, 0) + 1
        if reply.status_code == 200:
            assert set(reply.json()) == {"answer", "sources", "degraded"}
        else:
            assert reply.json()["status"] == reply.status_code
    assert min(seen[200], seen[400]) > CASES / 20


async def test_no_form_is_an_error_of_the_server(service: Served) -> None:
    """200, 202, 400 or 415, whatever the parts are."""
    chance = random.Random(20_262)
    seen = set[int]()
    for number in range(CASES // 2):
        names = chance.sample(["collection", "metadata", "file", "other"], chance.choice([0, 0, 1, 2]))
        parts = [
            part("file", f"text {number}", filename=chance.choice(["a.txt", "", "b\\c", "ü"])),
            *(part(name, json.dumps(value(chance)).encode("utf-8", "surrogatepass")) for name in names),
        ]
        chance.shuffle(parts)
        body = form(*parts)
        reply = await service.send_form(mutated(body, chance) if chance.random() < 0.5 else body)
        assert reply.status_code in {200, 202, 400, 415}, (body, reply.text)
        seen.add(reply.status_code)
    assert {202, 400} <= seen


async def test_no_form_under_an_id_is_an_error_of_the_server(service: Served) -> None:
    """Documents of a few ids, replaced by forms that are odd or broken, with keys that are, or tried keys."""
    chance = random.Random(20_264)
    ids = [uuid4() for _ in range(5)]
    seen = set[int]()
    for number in range(CASES // 3):
        names = chance.sample(["collection", "metadata", "password"], chance.choice([0, 0, 0, 1]))
        parts = [
            part("file", f"text {number % 7}", filename="a.txt"),
            *(part(name, json.dumps(value(chance)).encode("utf-8", "surrogatepass")) for name in names),
        ]
        body = form(*parts)
        headers = {b"content-type": f"multipart/form-data; boundary={BOUNDARY}".encode()}
        if chance.random() < 0.5:
            headers[b"idempotency-key"] = chance.choice([b"a", b"b", latin(value(chance))])
        reply = await service.client.put(
            f"{API}/documents/{chance.choice(ids)}",
            content=mutated(body, chance) if chance.random() < 0.3 else body,
            headers=headers,
        )
        assert reply.status_code in {200, 202, 400, 409, 415, 422}, (body, headers, reply.text)
        seen.add(reply.status_code)
    assert {200, 202, 400, 422} <= seen


async def test_no_order_of_calls_is_an_error_of_the_server(service: Served) -> None:
    """Cancel, retry, delete, put and look, in any order, of documents that may be gone."""
    chance = random.Random(20_265)
    ids = [uuid4() for _ in range(3)]
    seen = set[tuple[str, int]]()
    for number in range(CASES // 3):
        address = f"{API}/documents/{chance.choice(ids)}"
        call = chance.choice(["put", "cancel", "retry", "delete", "get", "ingest"])
        if call == "put":
            files = {"file": ("a.txt", f"text {number % 5}".encode())}
            reply = await service.client.put(address, files=files)
        elif call in {"cancel", "retry"}:
            reply = await service.client.post(f"{address}/{call}", content=chance.choice([b"", b"{", b"\0"]))
        elif call == "ingest":
            await service.ingest_all()
            continue
        else:
            reply = await service.client.request(call, address)
        assert reply.status_code in {200, 202, 204, 404, 409}, (call, reply.text)
        seen.add((call, reply.status_code))
    assert {("cancel", 202), ("cancel", 404), ("cancel", 409), ("retry", 202), ("retry", 409)} <= seen
    assert {("put", 200), ("put", 202), ("delete", 204), ("delete", 404), ("get", 200)} <= seen


def latin(given: object) -> bytes:
    """What a header can hold of a value."""
    return str(given).encode("latin-1", "replace").replace(b"\n", b"").replace(b"\0", b"")


async def test_no_address_or_header_is_an_error_of_the_server(service: Served) -> None:
    """Whatever is in a query or a header."""
    chance = random.Random(20_263)
    document = (await service.client.get(f"{API}/documents")).json()["items"][0]["id"]
    paths = [
        f"{API}/documents",
        *(f"{API}/documents/{document}{end}" for end in ("", "/content", "/text", "/chunks", "/events")),
    ]
    names = ["collection", "status", "limit", "after", "start", "end", "other"]
    ids = {"Last-Event-ID", "Range", "If-None-Match", "If-Range", "X-Request-ID", "Accept", "Content-Length"}
    for _ in range(CASES):
        parameters = {name: str(value(chance)) for name in chance.sample(names, chance.randrange(3))}
        headers = {
            name.encode(): latin(value(chance)) for name in chance.sample(sorted(ids), chance.randrange(3))
        }
        reply = await service.client.get(chance.choice(paths), params=parameters, headers=headers)
        assert reply.status_code < 500, (parameters, headers, reply.text)
