"""Shows that the proof can fail: a fault is planted into the service, and the campaign has to find it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.chaos.campaign import Campaign, run
from tests.chaos.corpus import editions, made_files
from tests.chaos.outcomes import Kind

__all__ = ["FAULTS", "self_test"]

_FAULTS_FOLDER: Final = Path(__file__).with_name("faults")
#: Each fault is a folder; what it has to be found by, at least one of them.
FAULTS: Final[Mapping[str, frozenset[Kind]]] = {
    "fencing": frozenset({Kind.LOST, Kind.DUPLICATED, Kind.PAID_TWICE, Kind.LEFT_OVER}),
    "publication": frozenset({Kind.HALF_VISIBLE, Kind.LOST}),
    "resuming": frozenset({Kind.PAID_TWICE}),
}


async def self_test(
    folder: Path, faults: Sequence[str], *, seed: int, kills: int, tell: Callable[[str], None]
) -> int:
    """One campaign for each fault, on made files; the exit code: 0 if each was found. tell: takes the reports."""
    missed = []
    for fault in faults:
        tell(f"== planted: {fault}")
        campaign = Campaign(
            seed=seed,
            kills=kills,
            files=made_files(),
            editions=editions(),
            fill_disk=False,
            plant=_FAULTS_FOLDER / fault,
        )
        (folder / fault).mkdir()
        report = await run(campaign, folder / fault)
        tell(report.text())
        if not FAULTS[fault] & {violation.kind for violation in report.violations}:
            missed.append(fault)
    tell(f"not found: {', '.join(missed)}" if missed else "Every planted fault was found.")
    return 1 if missed else 0
