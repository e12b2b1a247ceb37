"""Letting queries go first where the processor is short."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["be_nice"]

_AUTOGROUP: Final = Path("/proc/self/autogroup")
_TRIES: Final = 5
_PAUSE: Final = 0.15  # seconds; Linux takes one such change in 100 ms from all who are not root


def be_nice(niceness: int) -> None:
    """Lower our priority and that of the processes that we start from now on; 0 for not at all."""
    if not niceness or not hasattr(os, "nice"):
        return
    os.nice(niceness)
    # Linux may share the processor among sessions first, and niceness counts within each. A session that is
    # ours alone is as nice as we are; a terminal's is not ours to slow down.
    # Some kernels show the file and know nothing of sessions: then our own niceness has to do.
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            _write_to_session(str(niceness))


def _write_to_session(niceness: str) -> None:
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            _AUTOGROUP.write_text(niceness)
            return
        time.sleep(_PAUSE)
