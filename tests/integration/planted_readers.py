"""Page readers that do what crafted files make readers do. A child process imports them by name."""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from citewell.errors import UnreadableDocument
from citewell.model import ParsedPage


def pages(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """As many short pages as the file says, with the process's id as their text."""
    for number in range(1, int(path.read_text()) + 1):
        yield ParsedPage(number, f"{os.getpid()} {media_type} {password} {skip}")


def long_pages(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """Pages of a hundred kilobytes without end; the file's first byte counts those that were made."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 1) as counter:
        for number in itertools.count(1):
            counter[0] = number % 256
            yield ParsedPage(number, "x" * 100_000)


def endless(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """One page, then a loop that never ends."""
    yield ParsedPage(1, "one")
    while True:
        pass


def sleepy(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """Computes nothing and never comes back."""
    time.sleep(3_600)
    yield ParsedPage(1, "late")


def greedy(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """Takes memory until there is no more."""
    taken = [bytearray(1 << 20)]
    while True:
        taken.append(bytearray(len(taken) << 20))
        yield ParsedPage(len(taken), "more")


def greedy_in_c(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """Takes memory as a C++ library does that aborts when there is no more."""
    yield ParsedPage(1, "one")
    sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n")
    sys.stderr.flush()
    os.abort()


def one_giant_page(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """A page that is longer than what may pass."""
    yield ParsedPage(1, "x" * (65 << 20))


def signalled(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """One page, then the end by the signal whose number the file holds."""
    yield ParsedPage(1, "one")
    os.kill(os.getpid(), int(path.read_text()))


def crashing(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """One page, then a bad pointer."""
    yield ParsedPage(1, "one")
    ctypes.string_at(0)


def exiting(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """A library that ends the process."""
    yield ParsedPage(1, "one")
    os._exit(0)


def failing(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """A defect, with the file's path in its words."""
    yield ParsedPage(1, "one")
    raise KeyError(f"nothing in {path}")


def refusing(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """A reader that knows what is wrong."""
    raise UnreadableDocument("this one is empty")
    yield


def killed(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """Somebody ends the process from outside."""
    os.kill(os.getpid(), signal.SIGKILL)
    yield ParsedPage(1, "never")


def talkative(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """A library that prints what it thinks, at length."""
    for number in range(1, 4):
        sys.stdout.write("out " * 100_000)
        sys.stdout.flush()
        os.write(1, b"raw " * 100_000)
        os.write(2, b"err " * 100_000)
        yield ParsedPage(number, "quiet")


def lying(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """A reader that a crafted file has taken over: what it sends is no page."""
    yield ParsedPage(1, "half a pair \ud800")


def going_back(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """Pages out of order."""
    yield ParsedPage(2, "two")
    yield ParsedPage(1, "one")


def nosy(path: Path, *, media_type: str, password: str | None, skip: int) -> Iterator[ParsedPage]:
    """Tries what a reader of files has no business with; each line says how it went."""

    def write() -> None:
        path.with_name("planted").write_text("planted")

    def start() -> None:
        os.posix_spawn("/bin/true", ["true"], {})

    def call_home() -> None:
        with socket.create_connection(("127.0.0.1", int(path.read_text())), timeout=5):
            pass

    tried = {"write": write, "start": start, "call home": call_home}
    for number, (name, attempt) in enumerate(tried.items(), start=1):
        try:
            attempt()
        except OSError:
            yield ParsedPage(number, f"{name}: denied")
        else:
            yield ParsedPage(number, f"{name}: done")
    yield ParsedPage(4, " ".join(sorted(os.environ)))


def forgetful(path: Path, *, media_type: str, password: str, to: Path) -> bool:
    """Begins to write the copy, and crashes."""
    to.write_text("half of it")
    os.abort()


def writing_more(path: Path, *, media_type: str, password: str, to: Path) -> bool:
    """Writes as many bytes as the file says; says whether it could."""
    to.write_bytes(b"x" * int(path.read_text()))
    return True


not_even_importable = "this is no function"
