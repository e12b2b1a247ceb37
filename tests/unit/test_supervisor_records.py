"""A supervisor finds what a killed one left behind, and takes nothing else for it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from citewell_entrypoints.supervisor.children import spawn
from citewell_entrypoints.supervisor.records import ChildRecords

_SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_noted_process_that_still_runs_is_killed(tmp_path: Path) -> None:
    """Afterwards nothing is noted any more."""
    child = spawn(_SLEEP, death_signal=signal.SIGKILL)
    records = ChildRecords(tmp_path / "processes")
    records.write([child.pid])
    ChildRecords(tmp_path / "processes").stop_leftovers()
    assert child.wait(5) == -signal.SIGKILL
    assert not (tmp_path / "processes").exists()


def test_a_process_that_has_the_id_of_a_noted_one_but_began_later_is_left_alone(tmp_path: Path) -> None:
    """Ids are used again, so an id alone proves nothing."""
    with subprocess.Popen(_SLEEP, start_new_session=True) as stranger:
        try:
            (tmp_path / "processes").write_text(f"{stranger.pid} 1\nnot a line\n")
            ChildRecords(tmp_path / "processes").stop_leftovers()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_nothing_noted_is_no_error(tmp_path: Path) -> None:
    """A first start has nothing to stop."""
    ChildRecords(tmp_path / "processes").stop_leftovers()
