"""Uploads of encrypted files with their password."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.fakes import LockedParser
from tests.house import House
from tests.http_app import API, Served, form, part, served

LOCKED = b"LOCKED open sesame\nThe lamp is seen far."
PASSWORD = "open sesame"
FILE = part("file", LOCKED, filename="a.txt")


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, house=House(tmp_path, parser=LockedParser())) as running:
        yield running


async def outcome(service: Served, document_id: str) -> tuple[str, str | None]:
    await service.ingest_all()
    document: dict[str, Any] = (await service.client.get(f"{API}/documents/{document_id}")).json()
    return document["status"], document["error"] and document["error"]["code"]


@pytest.mark.parametrize("is_first", [True, False])
async def test_an_encrypted_file_opens_with_its_password(service: Served, is_first: bool) -> None:
    """Whether the field comes before the file or behind it; the upload itself stays encrypted."""
    password = part("password", PASSWORD)
    reply = await service.send_form(form(password, FILE) if is_first else form(FILE, password))
    assert reply.status_code == 202
    assert await outcome(service, reply.json()["id"]) == ("ready", None)
    [source] = (await service.query(question="lamp")).json()["sources"]
    assert source["text"] == "The lamp is seen far."
    assert (await service.client.get(reply.headers["location"] + "/content")).content == LOCKED


@pytest.mark.parametrize("fields", [{}, {"password": "wrong"}, {"password": ""}])
async def test_without_the_right_password_the_document_fails(service: Served, fields: Any) -> None:
    """202, then `password_required`; the same bytes with the password mend it."""
    reply = await service.upload(LOCKED, **fields)
    assert reply.status_code == 202
    assert await outcome(service, reply.json()["id"]) == ("failed", "password_required")
    again = await service.upload(LOCKED, password=PASSWORD)
    assert (again.status_code, again.json()["id"]) == (202, reply.json()["id"])
    assert await outcome(service, reply.json()["id"]) == ("ready", None)


async def test_a_document_is_replaced_by_an_encrypted_file(service: Served) -> None:
    """PUT takes the password too."""
    document_id = (await service.upload(b"open text")).json()["id"]
    assert (await service.put(document_id, LOCKED, password=PASSWORD)).status_code == 202
    assert await outcome(service, document_id) == ("ready", None)


async def test_a_password_is_of_no_harm_to_open_files(service: Served) -> None:
    """So it can be sent with every file of a folder."""
    reply = await service.upload(b"open text", password=PASSWORD)
    assert await outcome(service, reply.json()["id"]) == ("ready", None)


async def test_nothing_of_a_deleted_document_stays(service: Served) -> None:
    """Neither the upload nor the copy that opens without a password."""
    document_id = (await service.upload(LOCKED, password=PASSWORD)).json()["id"]
    assert len(service.house.blobs._kept) == 2
    await service.client.delete(f"{API}/documents/{document_id}")
    assert service.house.blobs._kept == {}


@pytest.mark.parametrize("password", ["x" * 1025, b"\xff", "a\0b"])
async def test_a_password_that_cannot_be_one_is_refused(service: Served, password: str | bytes) -> None:
    """400 without saying it, and nothing stays of the file."""
    reply = await service.send_form(form(FILE, part("password", password)))
    assert reply.status_code == 400
    assert [error["field"] for error in reply.json()["errors"]] == ["password"]
    assert "xx" not in reply.text
    assert service.house.blobs._received == {}


async def test_a_refused_form_leaves_no_unlocked_copy(service: Served) -> None:
    """409 after the file was opened: neither stays, once it was looked whether they are in use."""
    document_id = (await service.upload(b"open text", collection="sea")).json()["id"]
    kept = dict(service.house.blobs._kept)
    reply = await service.put(document_id, LOCKED, password=PASSWORD, collection="land")
    assert reply.status_code == 409
    assert service.house.blobs._received == {}
    service.house.clock.advance(3600)
    assert await service.house.collect_contents() == 2
    assert service.house.blobs._kept == kept


async def test_no_log_line_has_the_password(service: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Not even at the level debug, whatever comes of it."""
    with caplog.at_level(logging.DEBUG):
        for content in (LOCKED, b"open text", b"\x89PNG"):
            reply = await service.upload(content, password="hush-hush-42")
            assert "hush-hush-42" not in reply.text
        await service.send_form(form(FILE, part("password", "hush-hush-42"), part("odd", "1")))
        await service.ingest_all()
    assert caplog.records
    assert "hush-hush-42" not in caplog.text
    assert "hush-hush-42" not in str(vars(service.house.database))
