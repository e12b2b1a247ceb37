"""Children are apart from the terminal, do not outlive their starter, and stop in bounded time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from citewell_entrypoints.supervisor.children import spawn, stop
from citewell_entrypoints.supervisor.leftovers import is_alive

_STUBBORN = (
    "import signal, time\n"
    "for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)\n"
    "print('up', flush=True)\n"
    "time.sleep(60)\n"
)
_STARTER = (
    "import signal, sys, time\n"
    "from citewell_entrypoints.supervisor.children import spawn\n"
    "child = spawn([sys.executable, '-c', 'import time; time.sleep(60)'], death_signal=signal.SIGTERM)\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(60)\n"
)
#: Its own child ignores SIGTERM: the watch must end that one too.
_WATCHED = (
    "import os, subprocess, sys, time\n"
    "from citewell_entrypoints.supervisor.parent import exit_with_parent\n"
    "exit_with_parent()\n"
    f"child = subprocess.Popen([sys.executable, '-c', {_STUBBORN!r}])\n"
    "print(os.getpid(), child.pid, flush=True)\n"
    "time.sleep(60)\n"
)


def test_a_child_is_in_a_session_of_its_own(tmp_path: Path) -> None:
    """Ctrl-C in the terminal does not reach it."""
    with (tmp_path / "out").open("wb") as output:
        child = spawn(
            [sys.executable, "-c", "import os; print(os.getsid(0), os.getpid())"],
            death_signal=signal.SIGKILL,
            output=output,
        )
        assert child.wait(10) == 0
    session, pid = (tmp_path / "out").read_text().split()
    assert session == pid == str(child.pid)


def test_a_program_that_is_missing_says_so(tmp_path: Path) -> None:
    """The exit code is 1 and the output names the program."""
    with (tmp_path / "out").open("wb") as output:
        assert spawn(["/no/such/program"], death_signal=signal.SIGKILL, output=output).wait(10) == 1
    assert "cannot run /no/such/program: No such file" in (tmp_path / "out").read_text()


def test_a_child_that_ignores_every_signal_is_killed_in_the_end(tmp_path: Path) -> None:
    """Each signal gets its time, then SIGKILL comes."""
    with (tmp_path / "out").open("wb") as output:
        child = spawn([sys.executable, "-c", _STUBBORN], death_signal=signal.SIGKILL, output=output)
    while "up" not in (tmp_path / "out").read_text():
        time.sleep(0.01)
    stop(child, (signal.SIGINT, 0.1), (signal.SIGTERM, 0.1))
    assert child.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell of a parent's death")
def test_a_child_ends_when_its_starter_is_killed() -> None:
    """The kernel sends the signal that was asked for."""
    with subprocess.Popen([sys.executable, "-c", _STARTER], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert is_alive(pid)
        starter.kill()
    _wait_until_gone(pid)


def test_a_watched_process_takes_its_own_children_with_it(tmp_path: Path) -> None:
    """Whether or not the kernel tells of the end, and although they ignore every signal but SIGKILL."""
    starter = (
        "import os, subprocess, sys, time\n"
        "environment = {**os.environ, 'CITEWELL_SUPERVISOR_PID': str(os.getpid())}\n"
        f"subprocess.Popen([sys.executable, '-c', {_WATCHED!r}], env=environment, stdin=subprocess.DEVNULL,"
        " start_new_session=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        process.kill()
        for pid in pids:
            _wait_until_gone(pid)


def test_a_supervised_process_waits_for_its_engines(tmp_path: Path) -> None:
    """It goes on when its input ends, and not before."""
    code = (
        "from citewell_entrypoints.supervisor.parent import exit_with_parent\n"
        "print('waits', flush=True)\n"
        "exit_with_parent()\n"
        "print('works', flush=True)\n"
    )
    environment = {**os.environ, "CITEWELL_SUPERVISOR_PID": str(os.getpid())}
    with (tmp_path / "out").open("wb") as output:
        child = spawn(
            [sys.executable, "-c", code],
            death_signal=signal.SIGKILL,
            output=output,
            environment=environment,
            hold=True,
        )
    assert child.stdin is not None
    with child.stdin:
        while "waits" not in (tmp_path / "out").read_text():
            time.sleep(0.01)
        time.sleep(0.2)
        assert "works" not in (tmp_path / "out").read_text()
    assert child.wait(20) == 0
    assert "works" in (tmp_path / "out").read_text()


def test_a_process_that_nobody_supervises_is_not_watched() -> None:
    """A worker that was started by hand outlives the shell that started it."""
    code = (
        "import threading\n"
        "from citewell_entrypoints.supervisor.parent import exit_with_parent\n"
        "exit_with_parent()\n"
        "print(threading.active_count())\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "CITEWELL_SUPERVISOR_PID"}
    reply = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert reply.stdout.strip() == b"1"


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)
