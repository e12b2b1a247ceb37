"""A process that reads files, seen from the process that asks it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

from citewell.errors import (
    IngestionFailure,
    PageNotFound,
    ParserCrashed,
    ParserLimitExceeded,
    PasswordRequired,
    Transient,
    UnreadableDocument,
)
from citewell.images import MAX_IMAGE_PIXELS, png_size
from citewell.model import Box, ParsedPage
from citewell_adapters.parsing.limits import ChildLimits
from citewell_adapters.parsing.wire import (
    LENGTH,
    LONGEST_FRAME,
    WireError,
    decode,
    encode,
    length_from,
    page_from,
)

__all__ = ["Child", "ReaderUnavailable", "Task"]

#: What a process is for: a PageReader, an Unlocker or a PageDrawer.
Task: TypeAlias = Literal["read", "unlock", "draw"]

_Stream = TypeVar("_Stream")

_log = logging.getLogger(__name__)

_MAIN: Final = (
    "import sys; sys.path[:] = sys.argv[1:]; from citewell_adapters.parsing.serving import main; main()"
)
# All else of the environment stays away from a process that reads strangers' files: it may hold secrets.
_ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
_START_SECONDS: Final = 60.0
_FAILURES: Final[Mapping[str, type[IngestionFailure]]] = {
    kind.code: kind for kind in (UnreadableDocument, PasswordRequired, ParserLimitExceeded, ParserCrashed)
}
_CRASHES: Final = frozenset(
    {
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGABRT,
        signal.SIGILL,
        signal.SIGFPE,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)
_LAST_WORDS: Final = 2_000
_OUT_OF_MEMORY: Final = ("MemoryError", "bad_alloc", "out of memory", "Cannot allocate memory")


class ReaderUnavailable(Transient):
    """The process that reads files was stopped or could not be started."""


class Child:
    """One process, for one file at a time. `files` counts those it was asked for."""

    def __init__(self, process: Process, limits: ChildLimits) -> None:
        self._process = process
        self._stdin = _piped(process.stdin)
        self._stdout = _piped(process.stdout)
        self._stderr = _piped(process.stderr)
        self._limits = limits
        self._stopped_by_us = False
        self._said = bytearray()
        self._listening = asyncio.create_task(self._listen())
        self.files = 0
        #: Whether it waits for the next file, after the last one was read to its end without a failure.
        self.ready = False

    @classmethod
    async def start(cls, function: str, *, task: Task, limits: ChildLimits) -> Child:
        """A process that has the function for the task, `module:function`, at hand. Raises ReaderUnavailable.

        One that unlocks may write files, of up to `limits.file_bytes` each.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-c",
                _MAIN,
                *(entry or str(Path.cwd()) for entry in sys.path),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,
            )
        except OSError as error:
            raise ReaderUnavailable(f"the process that reads files does not start: {error}") from error
        child = cls(process, limits)
        try:
            await child._begin(function, task)
        except BaseException:
            await child.stop()
            raise
        return child

    async def read(
        self, path: Path, *, media_type: str, password: str | None, skip: int = 0
    ) -> AsyncGenerator[ParsedPage, None]:
        """The file's pages. Raises what Parser.parse raises, and ReaderUnavailable."""
        self.ready = False
        self.files += 1
        left = self._limits.file_seconds
        await self._ask(
            {
                "path": _absolute(path),
                "media_type": media_type,
                "password": password,
                "skip": skip,
                "cpu_seconds": left,
            }
        )
        number = 1
        while True:
            begun = time.monotonic()
            answer = await self._answer(within=min(left, self._limits.page_seconds))
            left -= time.monotonic() - begun
            if "end" in answer:
                self.ready = True
                return
            _raise_failure(answer)
            for page in _pages(answer, least_number=number):
                number = page.number
                yield page

    async def unlock(self, path: Path, *, media_type: str, password: str, to: Path) -> bool:
        """As Parser.unlock; what is left at `to` where it did not succeed is no copy."""
        seconds = self._limits.file_seconds
        await self._ask(
            {
                "path": _absolute(path),
                "media_type": media_type,
                "password": password,
                "to": _absolute(to),
                "cpu_seconds": seconds,
            }
        )
        answer = await self._answer(within=seconds)
        _raise_failure(answer)
        if "unavailable" in answer:
            raise ReaderUnavailable(str(answer["unavailable"]))
        return answer.get("unlocked") is True

    async def draw(
        self, path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box]
    ) -> bytes:
        """As PageRenderer.draw. Raises ReaderUnavailable, too."""
        self.ready = False
        self.files += 1
        seconds = min(self._limits.file_seconds, self._limits.page_seconds)
        await self._ask(
            {
                "path": _absolute(path),
                "media_type": media_type,
                "page": page,
                "scale": scale,
                "marks": [(box.left, box.top, box.right, box.bottom) for box in marks],
                "cpu_seconds": seconds,
            }
        )
        answer = await self._answer(within=seconds)
        _raise_failure(answer)
        if "missing" in answer:
            self.ready = True
            raise PageNotFound(str(answer["missing"]))
        async with self._waiting(seconds):
            image = await self._stdout.readexactly(length_from(await self._stdout.readexactly(LENGTH.size)))
        _check_image(image)
        self.ready = True
        return image

    async def stop(self) -> None:
        """Kill the process, whatever it does, and wait for its end. Stopping twice is no error."""
        self._stopped_by_us = True
        self.ready = False
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._stdin.close()
        with contextlib.suppress(OSError):
            await self._stdin.wait_closed()
        # What is left in the pipe keeps it open, and asyncio lets nobody know of the end while it is;
        # RuntimeError says that its reader is still there to take it.
        with contextlib.suppress(RuntimeError):
            while await self._stdout.read(LONGEST_FRAME):
                pass
        await self._process.wait()
        await self._listening

    async def _begin(self, function: str, task: Task) -> None:
        hello = {
            "function": function,
            "task": task,
            "parent": os.getpid(),
            "memory_bytes": self._limits.memory_bytes,
            "file_bytes": self._limits.file_bytes if task == "unlock" else 0,
        }
        try:
            await self._ask(hello)
            await self._answer(within=_START_SECONDS)
        except IngestionFailure as failure:
            # No file was opened yet, so no file is to blame.
            raise ReaderUnavailable(f"the process that reads files does not start: {failure}") from failure
        self.ready = True

    async def _ask(self, message: Mapping[str, Any]) -> None:
        try:
            self._stdin.write(encode(message))
            await self._stdin.drain()
        except OSError as error:
            raise await self._why_it_ended() from error

    async def _answer(self, *, within: float) -> dict[str, Any]:
        async with self._waiting(within):
            length = length_from(await self._stdout.readexactly(LENGTH.size))
            return decode(await self._stdout.readexactly(length))

    @asynccontextmanager
    async def _waiting(self, seconds: float) -> AsyncIterator[None]:
        """For what the process says; raises what it means that nothing or nothing good comes."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise ParserLimitExceeded("reading the file took more time than a parser is allowed") from error
        except asyncio.IncompleteReadError as error:
            raise await self._why_it_ended() from error
        except WireError as error:
            raise UnreadableDocument(f"reading the file went wrong: {error}") from error

    async def _why_it_ended(self) -> Exception:
        code = await self._process.wait()
        await self._listening
        if self._stopped_by_us:
            return ReaderUnavailable("the process that reads files was stopped")
        said = self._said.decode("utf-8", "replace").strip()
        _log.warning("the process that reads files ended with %d: %r", code, said)
        if -code == signal.SIGXCPU:
            return ParserLimitExceeded("reading the file took more time than a parser is allowed")
        if any(words in said for words in _OUT_OF_MEMORY):
            return ParserLimitExceeded("reading the file took more memory than a parser is allowed")
        if -code in _CRASHES or code >= 0:
            return ParserCrashed("reading the file crashed its reader")
        # Somebody killed it: the kernel short of memory, an operator. Another try may do better.
        return ReaderUnavailable(f"the process that reads files was killed by signal {-code}")

    async def _listen(self) -> None:
        """Takes what the process says on its standard error, so that it never waits for us there."""
        while piece := await self._stderr.read(4_096):
            self._said += piece
            del self._said[:-_LAST_WORDS]


def _raise_failure(answer: Mapping[str, Any]) -> None:
    if "failed" in answer:
        raise _FAILURES.get(str(answer["failed"]), UnreadableDocument)(str(answer.get("message", "")))


def _pages(answer: Mapping[str, Any], *, least_number: int) -> list[ParsedPage]:
    """The pages of an answer. Raises UnreadableDocument unless their numbers go on from the least one."""
    try:
        pages = [page_from(page) for page in answer["pages"]]
    except (KeyError, TypeError, WireError) as error:
        raise UnreadableDocument("reading the file went wrong: what came back are no pages") from error
    numbers = [least_number, *(page.number for page in pages)]
    if numbers != sorted(numbers):
        raise UnreadableDocument("reading the file went wrong: its pages are out of order")
    return pages


def _check_image(image: bytes) -> None:
    """Raises UnreadableDocument unless it is a PNG of no more than the allowed pixels."""
    try:
        width, height = png_size(image)
    except ValueError as error:
        raise UnreadableDocument("drawing the page went wrong: what came back is no image") from error
    if not 0 < width * height <= MAX_IMAGE_PIXELS:
        raise UnreadableDocument("drawing the page went wrong: the image is too large")


def _piped(stream: _Stream | None) -> _Stream:
    if stream is None:
        raise ValueError("a child process has pipes for all of its streams")
    return stream


def _absolute(path: Path) -> str:
    return str(path.absolute())
