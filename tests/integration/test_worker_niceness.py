"""Where the processor is short, queries go before ingestion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from citewell_entrypoints import niceness

_PROGRAM = """
import os, subprocess, sys
from citewell_entrypoints.niceness import be_nice
from tests.integration.test_worker_niceness import session_niceness
be_nice(int(sys.argv[1]))
child = subprocess.run([sys.executable, "-c", "import os; print(os.nice(0))"], capture_output=True, text=True)
print(os.nice(0), child.stdout.strip(), session_niceness())
"""


def session_niceness() -> str:
    """How nice this session is, or "none" where the kernel does not share the processor among sessions."""
    autogroup = Path("/proc/self/autogroup")
    try:
        words = autogroup.read_text().split()
    except OSError:
        words = []
    # Sandboxes that know nothing of sessions may show an empty file.
    return words[-1] if words else "none"


@pytest.mark.parametrize("own_session", [True, False])
def test_a_worker_is_nicer_than_what_started_it(own_session: bool) -> None:
    """So are its children, and its session where that is its own; another's session stays as it is."""
    _, _, untouched = after_being_nice(0, own_session=own_session)
    ours, child, session = after_being_nice(10, own_session=own_session)
    assert int(ours) > os.nice(0)
    assert child == ours
    assert session == ("10" if own_session and untouched != "none" else untouched)


def test_a_niceness_of_0_changes_nothing() -> None:
    """For machines where nothing else is to go first."""
    ours, child, session = after_being_nice(0, own_session=True)
    assert int(ours) == int(child) == os.nice(0)
    assert session in {"0", "none"}


def after_being_nice(niceness: int, *, own_session: bool) -> list[str]:
    """How nice a process, a child of its and its session are then."""
    reply = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(niceness)],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=own_session,
    )
    return reply.stdout.split()


def test_a_kernel_that_refuses_stops_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some show the file and refuse what is written there."""
    nice: list[int] = []
    monkeypatch.setattr(os, "nice", nice.append)
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
    monkeypatch.setattr(niceness, "_AUTOGROUP", tmp_path / "none" / "autogroup")
    niceness.be_nice(10)
    assert nice


def test_a_kernel_that_is_asked_too_often_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers that start together are both nice."""
    written: list[str] = []

    def write_text(_path: Path, text: str) -> None:
        written.append(text)
        if len(written) == 1:
            raise BlockingIOError

    monkeypatch.setattr(os, "nice", lambda _by: 0)
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
    monkeypatch.setattr(niceness, "_PAUSE", 0.0)
    monkeypatch.setattr(Path, "write_text", write_text)
    niceness.be_nice(10)
    assert written == ["10", "10"]
