"""Runs every measurement of this folder, or those named: `python -m bench [NAME…]`.

A measurement is a script here that prints what it found, and ends with an exit code other than 0 if it could
not. Each gets a process of its own, so that none disturbs another. Those that need data are left out where
there is none: they look in `../shared` beside the checkout: for PDFs, and for collections in BEIR form.
`scale` takes long, and is measured only if it is named.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
SHARED = FOLDER.parent.parent / "shared"

#: The data that a measurement is given as its argument.
DATA = {
    "chunking": SHARED / "quality" / "chunking_eval_docs",
    "citations": SHARED / "pdfs",
    "mock_quality": SHARED / "quality",
}
#: Writes down what others have found.
REPORT = "report"
LONG = {"scale"}


def main(names: Sequence[str]) -> int:
    """Runs them one after the other; the exit code."""
    there = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
    there.remove(REPORT)
    unknown = sorted(set(names) - set(there))
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are: {', '.join(there)}", file=sys.stderr)
        return 2
    failed = [name for name in names or (name for name in there if name not in LONG) if not measure(name)]
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def measure(name: str) -> bool:
    """Whether the measurement went well, or had nothing to measure."""
    print(f"\n== {name}", flush=True)
    data = DATA.get(name)
    if data is not None and not data.is_dir():
        print(f"left out: there is no data in {data}")
        return True
    begun = time.monotonic()
    command = [sys.executable, "-m", f"bench.{name}", *([str(data)] if data is not None else [])]
    code = subprocess.run(command, cwd=FOLDER.parent, check=False).returncode
    print(f"-- {name}: {time.monotonic() - begun:.1f} s, exit code {code}", flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
