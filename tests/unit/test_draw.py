"""Drawing pages, and forgetting the images."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.house import House

from citewell.errors import (
    ContentMissing,
    DocumentNotFound,
    InvalidInput,
    PageUndrawable,
    ParserCrashed,
    PasswordRequired,
    RendererBusy,
)
from citewell.memory import SheetRenderer
from citewell.model import Box, Document
from citewell.usecases import ForgetImages

TEXT = b"The lamp on the mole is seen far.\fThe keeper sleeps by day and drinks tea."


@pytest.fixture
async def drawn(tmp_path: Path) -> tuple[House, Document]:
    house = House(tmp_path)
    document, job_id = await house.uploaded_job(TEXT)
    await house.ingest(job_id)
    return house, document


class FailingRenderer(SheetRenderer):
    """Raises what it was given."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def draw(self, *_: object, **__: object) -> bytes:
        raise self.error


class SlowRenderer(SheetRenderer):
    """Waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def draw(
        self, path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box] = ()
    ) -> bytes:
        await self.go_on.wait()
        return await super().draw(path, media_type=media_type, page=page, scale=scale, marks=marks)


@pytest.mark.parametrize("failure", [ParserCrashed(), PasswordRequired()])
async def test_what_the_file_is_to_blame_for_cannot_be_drawn(
    drawn: tuple[House, Document], failure: Exception
) -> None:
    """PageUndrawable, with the reason; the next page can be."""
    house, document = drawn
    house.renderer = FailingRenderer(failure)
    draw = house.draw_page
    plan = await draw.plan(document.id, page=1, chunk=None, scale=1.0)
    for _ in range(20):
        with pytest.raises(PageUndrawable, match=str(failure)):
            await draw(plan)
    assert list(await house.images.contents()) == []


async def test_bytes_that_are_gone_are_told(drawn: tuple[House, Document]) -> None:
    """ContentMissing, or DocumentNotFound if the document is gone too."""
    house, document = drawn
    draw = house.draw_page
    plan = await draw.plan(document.id, page=2, chunk=None, scale=1.0)
    await house.blobs.delete(document.sha256)
    with pytest.raises(ContentMissing):
        await draw(plan)
    await house.delete(document.id)
    with pytest.raises(DocumentNotFound):
        await draw(plan)


async def test_who_is_too_many_is_sent_away(drawn: tuple[House, Document]) -> None:
    """RendererBusy; what is kept is given all the same, and afterwards there is room again."""
    house, document = drawn
    house.renderer = renderer = SlowRenderer()
    draw = house.draw_page
    plans = [await draw.plan(document.id, page=1, chunk=None, scale=1 + n / 100) for n in range(10)]
    renderer.go_on.set()
    image = await draw(plans[0])
    renderer.go_on.clear()
    tasks = [asyncio.create_task(draw(plan)) for plan in plans[1:9]]
    await asyncio.sleep(0)
    with pytest.raises(RendererBusy):
        await draw(plans[9])
    assert await draw(plans[0]) == image
    renderer.go_on.set()
    assert len(set(await asyncio.gather(*tasks))) == 8
    assert await draw(plans[9])


@pytest.mark.parametrize("scale", [0.0, 0.09, 4.01, -1.0, float("nan"), float("inf")])
async def test_a_scale_has_limits(drawn: tuple[House, Document], scale: float) -> None:
    """InvalidInput."""
    house, document = drawn
    with pytest.raises(InvalidInput, match="scale"):
        await house.draw_page.plan(document.id, page=1, chunk=None, scale=scale)


async def test_images_of_what_was_deleted_elsewhere_are_forgotten(drawn: tuple[House, Document]) -> None:
    """Whoever deleted it had a cache of its own; those of what is still there stay."""
    house, document = drawn
    other = (await house.upload(b"Another text.", name="b.txt")).document
    draw = house.draw_page
    await draw(await draw.plan(document.id, page=1, chunk=0, scale=1.0))
    await house.images.put("1" * 64, "2" * 64, b"of what is gone")
    await house.images.put(other.sha256, "2" * 64, b"of what is there")
    await ForgetImages(ledger=house.ledger, images=house.images)()
    assert sorted(await house.images.contents()) == sorted([document.sha256, other.sha256])
