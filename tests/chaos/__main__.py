"""The proof that ingestion loses nothing: `python -m tests.chaos --seed 7 --kills 200`.

Real files where there are any, a running `citewell serve`, and a seeded plan of what is killed, paused or
starved at which stage of an ingestion. Exit code 1 if any promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.chaos.campaign import run
from tests.chaos.campaigns import long_campaign, short_campaign
from tests.chaos.selftest import FAULTS, self_test

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    options = _options(arguments)
    # Stopped either way, it stops what it has started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # It would tell of each query that was cut off.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    folder = Path(tempfile.mkdtemp(prefix="citewell-chaos-"))
    try:
        if options.self_test:
            return asyncio.run(self_test(folder, options.self_test, tell=_tell))
        seed, kills = options.seed, options.kills
        campaign = (
            short_campaign(seed=seed, kills=kills)
            if options.short
            else long_campaign(seed=seed, kills=kills, fill_disk=not options.no_full_disk)
        )
        _tell(f"seed {seed}, {kills} kills, {len(campaign.files)} files")
        report = asyncio.run(run(replace(campaign, tell=_tell), folder))
        _tell(report.text())
        return 1 if report.violations else 0
    finally:
        if options.keep:
            _tell(f"All of it is kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kills", type=int, default=200, help="how many processes are killed (200)")
    parser.add_argument("--short", action="store_true", help="the campaign of make test: small, made files")
    parser.add_argument("--no-full-disk", action="store_true", help="mount nothing, fill nothing")
    parser.add_argument("--keep", action="store_true", help="keep data and logs, and say where")
    parser.add_argument(
        "--self-test",
        nargs="*",
        choices=sorted(FAULTS),
        help="plant these faults, or all, one after the other, and show that each makes the proof fail",
    )
    options = parser.parse_args(arguments)
    if options.self_test is not None and not options.self_test:
        options.self_test = sorted(FAULTS)
    return options


if __name__ == "__main__":
    sys.exit(main())
