"""Forms as they stream in."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable

import pytest
from tests.http_app import BOUNDARY, form, part

from citewell_entrypoints.http.multipart import MAX_OVERHEAD_BYTES, boundary_of, form_parts
from citewell_entrypoints.http.problems import HttpProblem

WHOLE = form(
    part("collection", "books"),
    part("file", b"\r\n--test-bound\r\n\x00\xff", filename="a.pdf"),
    part("x", ""),
)
PARTS = [
    ("collection", None, b"books"),
    ("file", "a.pdf", b"\r\n--test-bound\r\n\x00\xff"),
    ("x", None, b""),
]


async def stream(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def read_all(pieces: AsyncIterator[bytes]) -> list[tuple[str, str | None, bytes]]:
    return [
        (read.name, read.filename, b"".join([piece async for piece in read.body]))
        async for read in form_parts(pieces, boundary=BOUNDARY)
    ]


async def read(*pieces: bytes) -> list[tuple[str, str | None, bytes]]:
    return await read_all(stream(pieces))


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
async def test_a_form_may_be_cut_anywhere(cut: int) -> None:
    """How the network cuts a form into pieces changes nothing of its parts."""
    assert await read(WHOLE[:cut], WHOLE[cut:]) == PARTS


async def test_a_form_may_come_byte_by_byte() -> None:
    """The smallest of pieces."""
    assert await read(*(WHOLE[i : i + 1] for i in range(len(WHOLE)))) == PARTS


async def test_what_a_reader_leaves_of_a_part_is_skipped() -> None:
    """The next part is the next part, whether the one before was read or not."""
    assert [read.name async for read in form_parts(stream([WHOLE]), boundary=BOUNDARY)] == [
        "collection",
        "file",
        "x",
    ]


async def test_a_large_body_comes_in_pieces_of_at_most_64_kib() -> None:
    """However large the pieces of the network are."""
    body = form(part("file", bytes(1_000_000), filename="zeros"))
    sizes = [
        len(piece)
        async for read in form_parts(stream([body]), boundary=BOUNDARY)
        async for piece in read.body
    ]
    assert sum(sizes) == 1_000_000
    assert max(sizes) <= 65_536


async def test_nothing_is_read_ahead() -> None:
    """The network is asked for a piece only when the reader wants more."""
    asked = 0

    async def network() -> AsyncIterator[bytes]:
        nonlocal asked
        for piece in [part("file", b"1", filename="a")[:-2], b"2", b"3", b"\r\n" + form()]:
            asked += 1
            yield piece

    async for read in form_parts(network(), boundary=BOUNDARY):
        assert asked == 1
        seen = [(asked, piece) async for piece in read.body]
        assert seen == [(1, b"1"), (2, b"2"), (3, b"3")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        WHOLE[:-10],
        WHOLE[:40],
        form(b"--test-boundary\r\nContent-Type: text/plain\r\n\r\nno name\r\n"),
        form(b'--test-boundary\r\nContent-Disposition: attachment; name="x"\r\n\r\nx\r\n'),
        form(b"--test-boundary\r\nContent-Disposition: form-data; name=\xff\r\n\r\nx\r\n"),
        form(b"--test-boundary\r\n" + b"X-Header: x\r\n" * 20 + b"\r\nx\r\n"),
        form(b"--test-boundary\r\nX-Header: " + b"x" * 10_000 + b"\r\n\r\nx\r\n"),
        form(*[part("collection", "x")] * 17),
    ],
)
async def test_a_broken_form_is_refused(body: bytes) -> None:
    """400, with what the parser found."""
    with pytest.raises(HttpProblem) as raised:
        await read(body)
    assert raised.value.kind.status == 400


@pytest.mark.parametrize("at_end", [True, False])
async def test_endless_bytes_outside_of_the_parts_are_refused(at_end: bool) -> None:
    """Neither a preamble nor an epilogue may go on for ever."""
    sent = 0

    async def network() -> AsyncIterator[bytes]:
        nonlocal sent
        if at_end:
            yield WHOLE
        while True:
            sent += 65_536
            yield bytes(65_536)

    with pytest.raises(HttpProblem, match="too much"):
        await read_all(network())
    assert sent <= MAX_OVERHEAD_BYTES + 2 * 65_536


def test_the_boundary_is_found_in_the_content_type() -> None:
    """Quoted or not, with other parameters or not."""
    assert boundary_of("multipart/form-data; boundary=abc") == "abc"
    assert boundary_of('Multipart/Form-Data; charset=utf-8; boundary="a b"') == "a b"


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=x", ";;;", "\x00"],
)
def test_another_content_type_is_refused(content_type: str) -> None:
    """415, with what to send instead."""
    with pytest.raises(HttpProblem, match="multipart/form-data") as raised:
        boundary_of(content_type)
    assert raised.value.kind.status == 415


async def test_garbage_is_refused_and_nothing_else() -> None:
    """Whatever comes, it is a form or it is a problem of status 400."""
    chance = random.Random(7)
    words = [b"--test-boundary", b"--", b"\r\n", b"\n", b":", b'Content-Disposition: form-data; name="', b'"']
    for _ in range(2_000):
        body = b"--test-boundary\r\n"
        for _ in range(chance.randrange(12)):
            body += chance.choice([*words, chance.randbytes(chance.randrange(9))])
        size = chance.randrange(1, 40)
        kinds = set[int]()
        try:
            await read(*(body[i : i + size] for i in range(0, len(body), size)))
        except HttpProblem as problem:
            kinds.add(problem.kind.status)
        assert kinds <= {400}
