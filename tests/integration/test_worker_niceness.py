"""Where the processor is short, queries go before ingestion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from citewell_entrypoints.worker import niceness

_PROGRAM = """
import os, subprocess, sys
from citewell_entrypoints.worker import be_nice
from tests.integration.test_worker_niceness import session_niceness
be_nice()
child = subprocess.run([sys.executable, "-c", "import os; print(os.nice(0))"], capture_output=True, text=True)
print(os.nice(0), child.stdout.strip(), session_niceness())
"""


def session_niceness() -> str:
    """How nice this session is, or "none" where the kernel does not share the processor among sessions."""
    autogroup = Path("/proc/self/autogroup")
    words = autogroup.read_text().split() if autogroup.exists() else []
    return words[-1] if words else "none"


@pytest.mark.parametrize("own_session", [True, False])
def test_a_worker_is_nicer_than_what_started_it(own_session: bool) -> None:
    """So are its children, and its session where that is its own; another's session stays as it is."""
    before = session_niceness()
    reply = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=own_session,
    )
    ours, child, session = reply.stdout.split()
    assert int(ours) > os.nice(0)
    assert child == ours
    assert session == (ours if own_session and before != "none" else before)


def test_a_kernel_that_refuses_stops_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some show the file and refuse what is written there."""
    nice: list[int] = []
    monkeypatch.setattr(os, "nice", nice.append)
    monkeypatch.setattr(os, "getsid", lambda _pid: os.getpid())
    monkeypatch.setattr(niceness, "_AUTOGROUP", tmp_path / "none" / "autogroup")
    niceness.be_nice()
    assert nice
