"""How far sessions of processes let others go first, where the processor is short.

Linux may share the processor among sessions first ("autogroup"), and a process's own niceness then counts
only among those of its session: one that is alone in its session has as much as any other, nice or not.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

__all__ = ["make_session_nice"]

_PROCESSES: Final = Path("/proc")
_TRIES: Final = 5
_PAUSE: Final = 0.15  # seconds; Linux takes one such change in 100 ms from all who are not root


def make_session_nice(niceness: int, *, process: int | None = None) -> None:
    """Make the session of the process, ours if None, so nice. May take some tenths of a second.

    Nothing happens where the kernel refuses, or knows nothing of sessions: that of processes has to do then.
    """
    autogroup = _PROCESSES / str(process or "self") / "autogroup"
    for _ in range(_TRIES):
        try:
            autogroup.write_text(str(niceness))
        except BlockingIOError:
            time.sleep(_PAUSE)
        except OSError:
            return
        else:
            return
