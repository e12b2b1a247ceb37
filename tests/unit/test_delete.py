"""Deleting leaves nothing."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from tests.house import House

from citewell.errors import ContentMissing, DocumentNotFound
from citewell.model import DocumentId


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_a_deleted_document_is_gone_with_all_that_belongs_to_it(house: House) -> None:
    """Rows, vectors, pages and bytes."""
    document, job_id = await house.uploaded_job(b"The ferry leaves at nine.")
    await house.ingest(job_id)
    await house.delete(document.id)
    with pytest.raises(DocumentNotFound):
        await house.documents.get(document.id)
    assert await house.search("ferry") == ()
    async with house.database.tables() as tables:
        assert not any(getattr(tables, name) for name in ("revisions", "jobs", "pages", "staged", "live"))
    with pytest.raises(ContentMissing):
        await anext(house.blobs.read(document.sha256))


async def test_bytes_that_another_document_uses_stay(house: House) -> None:
    """The same bytes in another collection belong to it as well."""
    first = (await house.upload(b"shared")).document
    second = (await house.upload(b"shared", collection="other")).document
    await house.delete(first.id)
    assert await anext(house.blobs.read(second.sha256)) == b"shared"


async def test_deleting_an_unknown_document_says_so(house: House) -> None:
    """Raises DocumentNotFound."""
    with pytest.raises(DocumentNotFound):
        await house.delete(DocumentId(uuid4()))
