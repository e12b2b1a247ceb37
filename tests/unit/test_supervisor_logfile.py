"""The log of an engine stays bounded while the engine goes on writing."""

from __future__ import annotations

from pathlib import Path

from citewell_entrypoints.supervisor.logfile import LogFile


def test_a_log_that_grows_too_long_is_moved_aside_under_its_writer(tmp_path: Path) -> None:
    """What was written is kept in `.1`; what is written next stands at the beginning."""
    log = LogFile(tmp_path / "logs" / "engine.log", max_bytes=100)
    with log.open() as writer:
        writer.write(b"old\n" * 30)
        log.trim()
        writer.write(b"new\n")
        log.trim()
    assert log.path.read_bytes() == b"new\n"
    assert (tmp_path / "logs" / "engine.log.1").read_bytes() == b"old\n" * 30


def test_the_tail_is_the_last_lines(tmp_path: Path) -> None:
    """A log that is not there has an empty tail."""
    log = LogFile(tmp_path / "engine.log")
    assert log.tail() == ""
    with log.open() as writer:
        writer.write(b"".join(b"line %d\n" % number for number in range(5000)))
    assert log.tail(lines=2) == "line 4998\nline 4999"
