"""The process that reads files: asked over its standard input, it answers with slices of pages.

    ← {"function", "task", "parent", "memory_bytes", "file_bytes"} once
    → {"ready": true}
    ← {"path", "media_type", "password", "skip", "cpu_seconds"}    for each file
    → {"pages": […]} …  then {"end": true} or {"failed": code, "message"}

That is the task `read`. One for `unlock` may write files, of up to `file_bytes` each:

    ← {"path", "media_type", "password", "to", "cpu_seconds"}      for each file
    → {"unlocked": true or false} or {"failed": code, "message"} or {"unavailable": what the system lacks}

One for `draw` answers with an image:

    ← {"path", "media_type", "page", "scale", "marks", "cpu_seconds"}
    → {"image": true} and a frame that is the image, or {"missing": which page there is not} or {"failed": …}

It writes as far as the pipe takes it and then waits: it never runs ahead of whoever reads by more than that.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeAlias

from citewell.errors import IngestionFailure, PageNotFound, ParserLimitExceeded, UnreadableDocument
from citewell.model import Box, ParsedPage
from citewell_adapters.parsing.confinement import confine, die_with_parent, grant_cpu_seconds, stay_nice
from citewell_adapters.parsing.wire import WireError, page_to, receive, send, send_bytes

__all__ = ["PageDrawer", "PageReader", "Unlocker", "main"]

_SLICE_PAGES: Final = 16
#: The first slice is short, and each is twice the one before: whoever waits for it has nothing else to do.
_FIRST_SLICE_PAGES: Final = 4
_SLICE_CHARACTERS: Final = 65_536
_SLICE_SECONDS: Final = 0.05
_LONGEST_MESSAGE: Final = 500
_Serve: TypeAlias = Callable[[Any, Path, dict[str, Any], BinaryIO], dict[str, Any] | None]


class PageReader(Protocol):
    """Reads one file, page by page, as Parser.parse says; MemoryError where memory is out."""

    def __call__(
        self, path: Path, *, media_type: str, password: str | None, skip: int
    ) -> Iterator[ParsedPage]: ...


class Unlocker(Protocol):
    """Writes an unlocked copy of one file, as Parser.unlock says.

    MemoryError where memory is out, OSError where the copy cannot be written for no fault of the file.
    """

    def __call__(self, path: Path, *, media_type: str, password: str, to: Path) -> bool: ...


class PageDrawer(Protocol):
    """Draws one page, as PageRenderer.draw says; MemoryError where memory is out."""

    def __call__(
        self, path: Path, *, media_type: str, page: int, scale: float, marks: Sequence[Box]
    ) -> bytes: ...


def main() -> None:
    """Serves until standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a library prints must not get between the frames.
    os.dup2(2, 1)
    hello = receive(requests)
    if hello is None:
        return
    die_with_parent(hello["parent"])
    stay_nice()
    function = _load(hello["function"])
    # What was imported stays: no need to look through it for garbage again and again.
    gc.freeze()
    confine(memory_bytes=hello["memory_bytes"], file_bytes=hello["file_bytes"])
    serve = _TASKS[hello["task"]]
    send(answers, {"ready": True})
    while (request := receive(requests)) is not None:
        grant_cpu_seconds(request["cpu_seconds"])
        answer = _answer(serve, function, request, answers)
        if answer is not None:
            send(answers, answer)


def _load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    function = getattr(import_module(module), attribute)
    if not callable(function):
        raise TypeError(f"{name} is no function")
    return function


def _read(read: PageReader, path: Path, request: dict[str, Any], answers: BinaryIO) -> dict[str, Any]:
    """Sends the file's pages; what is to be said at the end of them."""
    pages = read(path, media_type=request["media_type"], password=request["password"], skip=request["skip"])
    _send_slices(pages, answers)
    return {"end": True}


def _unlock(unlock: Unlocker, path: Path, request: dict[str, Any], answers: BinaryIO) -> dict[str, Any]:
    """What is to be said once the copy is written."""
    del answers  # the copy goes into its file
    to = Path(request["to"])
    try:
        unlocked = unlock(path, media_type=request["media_type"], password=request["password"], to=to)
    except OSError as error:
        return {"unavailable": str(error)}
    return {"unlocked": unlocked}


def _draw(draw: PageDrawer, path: Path, request: dict[str, Any], answers: BinaryIO) -> dict[str, Any] | None:
    """Sends the image; what is to be said if there is none."""
    try:
        image = draw(
            path,
            media_type=request["media_type"],
            page=request["page"],
            scale=request["scale"],
            marks=[Box(*mark) for mark in request["marks"]],
        )
    except PageNotFound as error:
        return {"missing": str(error)}
    send(answers, {"image": True})
    send_bytes(answers, image)
    return None


_TASKS: Final[Mapping[str, _Serve]] = {"read": _read, "unlock": _unlock, "draw": _draw}


def _answer(
    serve: _Serve, function: Any, request: dict[str, Any], answers: BinaryIO
) -> dict[str, Any] | None:
    """What is to be said at the end of the file, however it ends; None if nothing is."""
    path = Path(request["path"])
    try:
        return serve(function, path, request, answers)
    except IngestionFailure as failure:
        return _failed(failure, path)
    except (MemoryError, WireError):
        too_much = ParserLimitExceeded("reading the file took more memory than a parser is allowed")
        return _failed(too_much, path)
    except Exception as error:  # noqa: BLE001 - whatever a file does to its reader ends this file alone
        defect = UnreadableDocument(f"reading the file failed: {type(error).__name__}: {error}")
        return _failed(defect, path)


def _send_slices(pages: Iterator[ParsedPage], answers: BinaryIO) -> None:
    waiting: list[Any] = []
    most, characters, begun = _FIRST_SLICE_PAGES, 0, time.monotonic()
    for page in pages:
        waiting.append(page_to(page))
        characters += len(page.text)
        full = len(waiting) >= most or characters >= _SLICE_CHARACTERS
        if full or time.monotonic() - begun >= _SLICE_SECONDS:
            send(answers, {"pages": waiting})
            waiting, characters, begun = [], 0, time.monotonic()
            most = min(2 * most, _SLICE_PAGES)
    if waiting:
        send(answers, {"pages": waiting})


def _failed(failure: IngestionFailure, path: Path) -> dict[str, Any]:
    # Users see the message; where this machine keeps its copies is none of their business.
    message = str(failure).replace(str(path), "the file").encode("utf-8", "replace").decode()
    return {"failed": failure.code, "message": message[:_LONGEST_MESSAGE]}
