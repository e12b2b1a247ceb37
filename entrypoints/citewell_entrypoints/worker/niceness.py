"""Letting queries go first where the processor is short."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["be_nice"]

_AUTOGROUP: Final = Path("/proc/self/autogroup")


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
            _AUTOGROUP.write_text(str(niceness))
