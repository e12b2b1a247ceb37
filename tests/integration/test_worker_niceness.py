"""Where the processor is short, queries go before ingestion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import os, subprocess, sys
from pathlib import Path
from citewell_entrypoints.worker import be_nice
be_nice()
child = subprocess.run([sys.executable, "-c", "import os; print(os.nice(0))"], capture_output=True, text=True)
autogroup = Path("/proc/self/autogroup")
print(os.nice(0), child.stdout.strip(), autogroup.read_text().split()[-1] if autogroup.exists() else "none")
"""


@pytest.mark.parametrize("own_session", [True, False])
def test_a_worker_is_nicer_than_what_started_it(own_session: bool) -> None:
    """So are its children, and its session where that is its own; another's session stays as it is."""
    autogroup = Path("/proc/self/autogroup")
    before = autogroup.read_text().split()[-1] if autogroup.exists() else "none"
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
