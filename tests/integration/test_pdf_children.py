"""Reading in child processes: whatever a file does to its reader, the worker lives on."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import psutil
import pytest

from citewell.errors import ParserCrashed, ParserLimitExceeded, Transient, UnreadableDocument
from citewell.model import ParsedPage
from citewell_adapters.parsing import ChildLimits, ChildParser, ReaderUnavailable
from citewell_adapters.pymupdf import detect_pdf

_LIMITS = ChildLimits(file_seconds=60.0, page_seconds=30.0, memory_bytes=512 << 20)
_IMPATIENT = ChildLimits(file_seconds=2.0, page_seconds=1.0)


@asynccontextmanager
async def _parser(
    reader: str, *, limits: ChildLimits = _LIMITS, children: int = 2, files_per_child: int = 100
) -> AsyncIterator[ChildParser]:
    async with ChildParser(
        reader=f"tests.integration.planted_readers:{reader}",
        detect=detect_pdf,
        limits=limits,
        max_children=children,
        idle_children=children,
        files_per_child=files_per_child,
    ) as parser:
        yield parser


async def _read(parser: ChildParser, path: Path, *, password: str | None = None) -> list[ParsedPage]:
    async with aclosing(parser.parse(path, media_type="x/y", password=password)) as pages:
        return [page async for page in pages]


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_text("3")
    return file


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    before = _children()
    yield
    assert _children() <= before


async def test_pages_come_back_from_a_process_of_their_own(path: Path) -> None:
    """With all that the reader was asked for."""
    async with _parser("pages") as parser:
        pages = await _read(parser, path, password="secret")
    assert [page.number for page in pages] == [1, 2, 3]
    pid, media_type, password, skip = pages[0].text.split()
    assert (media_type, password, skip) == ("x/y", "secret", "0")
    assert int(pid) != os.getpid()


async def test_a_warm_process_reads_the_next_file_too(path: Path) -> None:
    """Only the first file waits for the reader to be imported."""
    async with _parser("pages") as parser:
        texts = {page.text for _ in range(5) for page in await _read(parser, path)}
    assert len(texts) == 1


async def test_a_process_is_replaced_after_so_many_files(path: Path) -> None:
    """Whatever a library leaks does not pile up."""
    async with _parser("pages", files_per_child=2) as parser:
        texts = [(await _read(parser, path))[0].text for _ in range(5)]
    assert [texts.index(text) for text in texts] == [0, 0, 2, 2, 4]


@pytest.mark.parametrize("reader", ["endless", "sleepy"])
async def test_a_reading_without_end_is_ended(reader: str, path: Path) -> None:
    """Time over: ParserLimitExceeded."""
    async with _parser(reader, limits=_IMPATIENT) as parser:
        with pytest.raises(ParserLimitExceeded, match="time"):
            await _read(parser, path)


async def test_a_computation_without_end_is_ended_by_the_kernel(path: Path) -> None:
    """Even if nobody waited for it."""
    limits = ChildLimits(file_seconds=1.0, page_seconds=30.0)
    async with _parser("endless", limits=limits) as parser:
        with pytest.raises(ParserLimitExceeded, match="time"):
            await _read(parser, path)


@pytest.mark.parametrize("reader", ["greedy", "greedy_in_c", "one_giant_page"])
async def test_a_reading_that_takes_all_memory_is_ended(reader: str, path: Path) -> None:
    """Memory over: ParserLimitExceeded."""
    async with _parser(reader) as parser:
        with pytest.raises(ParserLimitExceeded, match="memory"):
            await _read(parser, path)


async def test_what_to_skip_is_the_readers_to_know(path: Path) -> None:
    """It need not read what nobody wants."""
    async with (
        _parser("pages") as parser,
        aclosing(parser.parse(path, media_type="x/y", skip=2)) as pages,
    ):
        assert (await anext(pages)).text.split()[-1] == "2"


@pytest.mark.parametrize("reader", ["failing", "lying", "going_back"])
async def test_a_defect_ends_the_file_alone(reader: str, path: Path) -> None:
    """The pages before it come through, then UnreadableDocument; the next file gets a new process."""
    async with _parser(reader) as parser:
        for _ in range(2):
            with pytest.raises(UnreadableDocument) as raised:
                await _read(parser, path)
            assert str(path) not in str(raised.value)


@pytest.mark.parametrize("reader", ["crashing", "exiting"])
async def test_a_crash_ends_the_file_alone(reader: str, path: Path) -> None:
    """ParserCrashed, with a message that people understand; the next file gets a new process."""
    async with _parser(reader) as parser:
        for _ in range(2):
            with pytest.raises(ParserCrashed, match="crashed its reader"):
                await _read(parser, path)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGSYS", "SIGTRAP"])
async def test_every_signal_of_a_crash_is_a_crash(name: str, path: Path) -> None:
    """It has its own code."""
    _write(path, str(int(getattr(signal, name))))
    async with _parser("signalled") as parser:
        with pytest.raises(ParserCrashed) as raised:
            await _read(parser, path)
    assert raised.value.code == "parser_crashed"


async def test_a_failure_that_the_reader_names_comes_through(path: Path) -> None:
    """With its own words."""
    async with _parser("refusing") as parser:
        with pytest.raises(UnreadableDocument, match="this one is empty"):
            await _read(parser, path)


async def test_a_process_that_was_killed_from_outside_may_be_tried_again(path: Path) -> None:
    """The file is not to blame for what an operator or a kernel short of memory does."""
    async with _parser("killed") as parser:
        with pytest.raises(ReaderUnavailable, match="signal 9") as raised:
            await _read(parser, path)
    assert isinstance(raised.value, Transient)


@pytest.mark.parametrize("reader", ["not_even_importable", "missing"])
async def test_a_reader_that_does_not_start_is_not_the_files_fault(reader: str, path: Path) -> None:
    """Raises ReaderUnavailable, which is Transient."""
    async with _parser(reader) as parser:
        with pytest.raises(ReaderUnavailable, match="does not start"):
            await _read(parser, path)


async def test_what_a_library_prints_does_no_harm(path: Path) -> None:
    """Neither gets between the pages nor makes the process wait."""
    async with _parser("talkative") as parser:
        assert [page.text for page in await _read(parser, path)] == ["quiet"] * 3


async def test_a_reader_does_not_run_ahead_without_limit(path: Path) -> None:
    """It waits for whoever takes its pages, so memory stays bounded; and that wait costs it no time."""
    async with (
        _parser("long_pages", limits=_IMPATIENT) as parser,
        aclosing(parser.parse(path, media_type="x/y")) as pages,
    ):
        await anext(pages)
        await asyncio.sleep(1.5)
        made = _first_byte(path)
        assert made < 20
        for _ in range(30):
            await anext(pages)
        assert _first_byte(path) > made


async def test_a_reading_that_is_left_in_mid_stream_frees_its_place(path: Path) -> None:
    """Closing or cancelling it stops the process, and the next borrower gets one."""
    async with _parser("long_pages", children=1) as parser:
        for _ in range(3):
            pages = parser.parse(path, media_type="x/y")
            await anext(pages)
            await pages.aclose()
        reading = asyncio.create_task(_read(parser, path))
        await asyncio.sleep(0.5)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        async with aclosing(parser.parse(path, media_type="x/y")) as again:
            assert (await anext(again)).number == 1


async def test_a_start_that_is_cancelled_leaves_no_process(path: Path) -> None:
    """Whenever the cancellation comes."""
    before = _children()
    async with _parser("pages", children=1) as parser:
        for step in range(8):
            reading = asyncio.create_task(_read(parser, path))
            await asyncio.sleep(0.01 * step)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        assert len(await _read(parser, path)) == 3
        assert len(_children() - before) == 1


async def test_many_files_are_read_by_few_processes(path: Path) -> None:
    """No more than were allowed; the others wait for their turn."""
    async with _parser("pages", children=2) as parser:
        results = await asyncio.gather(*(_read(parser, path) for _ in range(40)))
    assert all(len(pages) == 3 for pages in results)
    assert len({page.text for pages in results for page in pages}) <= 2


async def test_closing_stops_whoever_still_reads(path: Path) -> None:
    """They get ReaderUnavailable: another worker may do better."""
    async with _parser("sleepy") as parser:
        reading = asyncio.create_task(_read(parser, path))
        await asyncio.sleep(1.0)
    with pytest.raises(ReaderUnavailable):
        await reading
    with pytest.raises(ReaderUnavailable, match="not open"):
        await _read(parser, path)


async def test_a_reader_can_neither_write_nor_start_programs_nor_see_secrets(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor reach the network, on systems that can take it away."""
    monkeypatch.setenv("APP_OPENAI_API_KEY", "secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        _write(path, str(server.getsockname()[1]))
        async with _parser("nosy") as parser:
            pages = await _read(parser, path)
    said = [page.text for page in pages]
    assert said[0] == "write: denied"
    if sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64"):
        assert said[1:3] == ["start: denied", "call home: denied"]
    assert "APP_OPENAI_API_KEY" not in said[3]


def _first_byte(path: Path) -> int:
    return path.read_bytes()[0]


def _write(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tie a process to its parent")
def test_no_process_outlives_a_worker_that_is_killed(tmp_path: Path) -> None:
    """However it goes, and whatever the reader is doing."""
    file = tmp_path / "file"
    file.write_text("3")
    script = textwrap.dedent(
        """
        import asyncio, sys
        from pathlib import Path
        from citewell_adapters.parsing import ChildParser

        async def main():
            reader = "tests.integration.planted_readers:endless"
            async with ChildParser(reader=reader, detect=lambda head, *, name: None) as parser:
                async for page in parser.parse(Path(sys.argv[1]), media_type="x/y"):
                    print(page.number, flush=True)

        asyncio.run(main())
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-c", script, str(file)], stdout=subprocess.PIPE, env=environment
    ) as worker:
        assert worker.stdout is not None
        children = _computing_children(worker.pid)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        _, alive = psutil.wait_procs(children, timeout=10)
    assert children
    assert alive == []


def _computing_children(pid: int) -> list[psutil.Process]:
    """The children of the process, once one has computed so much that it must have begun to read."""
    for _ in range(400):
        children: list[psutil.Process] = psutil.Process(pid).children()
        if children and children[0].cpu_times().user > 0.5:
            return children
        time.sleep(0.05)
    return []
