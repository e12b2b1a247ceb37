"""The contract of PageStore."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from citewell.model import Box, Extent, Heading, Line, Page, RevisionId, Span
from citewell.ports import PageStore

__all__ = ["NewRevision", "PageStoreContract"]

#: Gives the id of a revision that has no pages yet.
NewRevision = Callable[[], Awaitable[RevisionId]]


def book(*texts: str) -> list[Page]:
    """Pages with these texts, numbered from 1."""
    starts = itertools.accumulate((len(text) for text in texts), initial=0)
    return [Page(number, start, text) for number, (start, text) in enumerate(zip(starts, texts), start=1)]  # noqa: B905 - there is one start more


@pytest.mark.asyncio
class PageStoreContract:
    """Override `pages` with a store, and `new_revision` if revisions must exist before they have pages."""

    @pytest.fixture
    def pages(self) -> PageStore:
        raise NotImplementedError("override the fixture pages")

    @pytest.fixture
    def new_revision(self) -> NewRevision:
        ids = itertools.count(1)

        async def invent() -> RevisionId:
            return RevisionId(next(ids))

        return invent

    async def test_a_revision_begins_without_pages(self, pages: PageStore, new_revision: NewRevision) -> None:
        """The pages in order."""
        assert await pages.read(await new_revision()) == []

    async def test_pages_are_read_in_order(self, pages: PageStore, new_revision: NewRevision) -> None:
        """The pages in order, whatever order they came in."""
        revision_id, made = await new_revision(), book("first ", "second — ß 🦉 ", "third", "\n\f\t'\"\\ %s")
        await pages.add(revision_id, [made[3], made[1]])
        await pages.add(revision_id, [made[0], made[2]])
        assert await pages.read(revision_id) == made

    async def test_no_pages_are_no_error(self, pages: PageStore, new_revision: NewRevision) -> None:
        """Keep these pages."""
        revision_id = await new_revision()
        await pages.add(revision_id, [])
        assert await pages.read(revision_id) == []

    async def test_parts_of_a_page_are_kept_apart(self, pages: PageStore, new_revision: NewRevision) -> None:
        """A page, or a part of one, begins at an offset of its own."""
        revision_id, made = await new_revision(), [Page(1, 0, "one part"), Page(1, 8, ", another")]
        await pages.add(revision_id, made)
        assert await pages.read(revision_id) == made

    async def test_revisions_do_not_mix(self, pages: PageStore, new_revision: NewRevision) -> None:
        """Holds the text of revisions."""
        one, two = await new_revision(), await new_revision()
        await pages.add(one, book("one"))
        await pages.add(two, book("two", "three"))
        assert await pages.read(one) == book("one")
        assert await pages.read(two) == book("two", "three")

    async def test_a_page_replaces_one_that_begins_where_it_does(
        self, pages: PageStore, new_revision: NewRevision
    ) -> None:
        """A page that begins where a kept one begins replaces it."""
        revision_id = await new_revision()
        await pages.add(revision_id, book("abc", "def"))
        new = Page(7, 3, "xyz and more", headings=(Heading(0, 1, "xyz"),))
        await pages.add(revision_id, [new])
        assert await pages.read(revision_id) == [Page(1, 0, "abc"), new]

    async def test_lines_and_headings_come_back(self, pages: PageStore, new_revision: NewRevision) -> None:
        """Keep these pages, with their lines and headings."""
        revision_id = await new_revision()
        lines = (
            Line(Span(0, 9), Box(0.1, 0.2, 0.9, 0.25)),
            Line(Span(10, 10), Box(0.0, 0.0, 1.0, 1.0)),
            Line(Span(12, 70_000), Box(1 / 3, 2 / 3, 0.7, 0.99999)),
        )
        headings = (Heading(0, 1, "Über „alles“"), Heading(12, 6, ""))
        await pages.add(revision_id, [Page(1, 0, "x" * 70_000, lines, headings)])
        [page] = await pages.read(revision_id)
        assert page.headings == headings
        assert [line.span for line in page.lines] == [line.span for line in lines]
        for kept, line in zip(page.lines, lines, strict=True):
            # Half a millionth of a page's width is nothing that anyone sees.
            assert kept.box.left == pytest.approx(line.box.left, abs=5e-7)
            assert kept.box.top == pytest.approx(line.box.top, abs=5e-7)
            assert kept.box.right == pytest.approx(line.box.right, abs=5e-7)
            assert kept.box.bottom == pytest.approx(line.box.bottom, abs=5e-7)

    async def test_a_span_gives_the_pages_it_touches(
        self, pages: PageStore, new_revision: NewRevision
    ) -> None:
        """Those that share a character with `span`."""
        revision_id, made = await new_revision(), book("0123456789", "abcdefghij", "ABCDEFGHIJ")
        await pages.add(revision_id, made)
        expected = {
            Span(0, 1): made[:1],
            Span(9, 10): made[:1],
            Span(9, 11): made[:2],
            Span(10, 11): made[1:2],
            Span(5, 25): made,
            Span(20, 2**31 - 1): made[2:],
            Span(30, 31): [],
            Span(1_000, 2_000): [],
        }
        assert {span: await pages.read(revision_id, span=span) for span in expected} == expected

    async def test_an_empty_span_touches_no_page(self, pages: PageStore, new_revision: NewRevision) -> None:
        """Those that share a character with `span`."""
        revision_id = await new_revision()
        await pages.add(revision_id, book("0123456789"))
        assert await pages.read(revision_id, span=Span(5, 5)) == []

    async def test_an_empty_page_shares_nothing_with_a_span(
        self, pages: PageStore, new_revision: NewRevision
    ) -> None:
        """Those that share a character with `span`."""
        revision_id = await new_revision()
        await pages.add(revision_id, [Page(1, 0, "01234"), Page(2, 5, "")])
        assert await pages.read(revision_id, span=Span(0, 9)) == [Page(1, 0, "01234")]
        assert len(await pages.read(revision_id)) == 2

    async def test_a_limit_gives_the_first_pages(self, pages: PageStore, new_revision: NewRevision) -> None:
        """Up to `limit`, if given."""
        revision_id, made = await new_revision(), book("0123456789", "abcdefghij", "ABCDEFGHIJ")
        await pages.add(revision_id, made)
        assert await pages.read(revision_id, limit=2) == made[:2]
        assert await pages.read(revision_id, limit=9) == made
        assert await pages.read(revision_id, span=Span(15, 30), limit=1) == made[1:2]

    async def test_the_extent_is_that_of_the_kept_pages(
        self, pages: PageStore, new_revision: NewRevision
    ) -> None:
        """How many pages are kept, and where the last of them ends."""
        revision_id, made = await new_revision(), book("one\f", "", "three — 🦉")
        assert await pages.extent(revision_id) == Extent(0, 0)
        await pages.add(revision_id, made[:1])
        assert await pages.extent(revision_id) == Extent(1, 4)
        await pages.add(revision_id, made[2:])
        assert await pages.extent(revision_id) == Extent(2, 13)

    async def test_headings_are_read_with_their_places_in_the_text(
        self, pages: PageStore, new_revision: NewRevision
    ) -> None:
        """The headings up to this offset, it included, in order, with offsets into the revision's text."""
        revision_id, one = await new_revision(), book("abcdef\f", "none\f", "ghi")
        headings = (Heading(0, 1, "a"), Heading(3, 2, "d"))
        made = [replace(one[0], headings=headings), one[1], replace(one[2], headings=(Heading(1, 1, "h"),))]
        await pages.add(revision_id, made)
        told = [Heading(0, 1, "a"), Heading(3, 2, "d"), Heading(13, 1, "h")]
        assert await pages.headings(revision_id, up_to=100) == told
        assert await pages.headings(revision_id, up_to=13) == told
        assert await pages.headings(revision_id, up_to=12) == told[:2]
        assert await pages.headings(revision_id, up_to=3) == told[:2]
        assert await pages.headings(revision_id, up_to=0) == told[:1]

    async def test_discarded_pages_are_gone(self, pages: PageStore, new_revision: NewRevision) -> None:
        """Forget the pages of a revision; none is no error."""
        one, two = await new_revision(), await new_revision()
        await pages.add(one, book("one"))
        await pages.add(two, book("two"))
        await pages.discard(one)
        await pages.discard(one)
        assert await pages.read(one) == []
        assert await pages.extent(one) == Extent()
        assert await pages.read(two) == book("two")

    async def test_why_a_page_could_not_be_read_is_kept(
        self, pages: PageStore, new_revision: NewRevision
    ) -> None:
        """Keep these pages, with their problems."""
        revision_id, made = await new_revision(), [Page(1, 0, "", problem="page 1 cannot be read")]
        await pages.add(revision_id, made)
        assert await pages.read(revision_id) == made
