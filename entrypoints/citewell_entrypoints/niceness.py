"""Letting queries go first where the processor is short."""

from __future__ import annotations

import os

from citewell.niceness import make_session_nice

__all__ = ["be_nice"]


def be_nice(niceness: int) -> None:
    """Lower our priority and that of the processes that we start from now on; 0 for not at all."""
    if not niceness or not hasattr(os, "nice"):
        return
    os.nice(niceness)
    # A session that is ours alone is as nice as we are; a terminal's is not ours to slow down.
    if os.getsid(0) == os.getpid():
        make_session_nice(niceness)
