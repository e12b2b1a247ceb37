"""Shows that the proof can fail: a fault is planted into the service, and the campaign has to find it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos.campaign import Campaign, run
from tests.chaos.corpus import editions, made_files
from tests.chaos.outcomes import Kind
from tests.chaos.schedule import Action, Moment, Strike, Target, again_and_again
from tests.chaos.striking import PAUSE_SECONDS

__all__ = ["FAULTS", "Fault", "self_test"]

_FOLDER: Final = Path(__file__).with_name("faults")


@dataclass(frozen=True, slots=True)
class Fault:
    """plan: the strikes that bring it to light. kinds: what it may be found by; one of them is enough."""

    plan: Sequence[Strike]
    kinds: frozenset[Kind]


#: Under the names of their folders.
FAULTS: Final[Mapping[str, Fault]] = {
    "fencing": Fault(
        again_and_again(
            [Moment.EMBEDDING, Moment.PARSING],
            Target.WORKER,
            Action.PAUSE,
            times=6,
            delay_seconds=PAUSE_SECONDS + 3.0,
        ),
        frozenset({Kind.PAID_TWICE, Kind.LOST, Kind.DUPLICATED}),
    ),
    "publication": Fault(
        again_and_again([Moment.PUBLISHING], Target.WORKER, Action.KILL, times=4, delay_seconds=1.0),
        frozenset({Kind.HALF_VISIBLE, Kind.LOST}),
    ),
    "resuming": Fault(
        again_and_again([Moment.EMBEDDING], Target.WORKER, Action.KILL, times=6, delay_seconds=1.0),
        frozenset({Kind.PAID_TWICE}),
    ),
}


async def self_test(folder: Path, faults: Sequence[str], *, tell: Callable[[str], None]) -> int:
    """One campaign for each fault, on made files; the exit code: 0 if each was found.

    tell: takes the reports.
    """
    missed = []
    for name in faults:
        tell(f"== planted: {name}")
        fault = FAULTS[name]
        campaign = Campaign(
            seed=1,
            kills=0,
            files=made_files(pages=(1, 40, 200, 300, 400)),
            editions=editions(),
            settle_seconds=10.0,
            fill_disk=False,
            plan=fault.plan,
            plant=_FOLDER / name,
            command=f'make chaos ARGS="--self-test {name}"',
        )
        (folder / name).mkdir()
        report = await run(campaign, folder / name)
        tell(report.text())
        if not fault.kinds & {violation.kind for violation in report.violations}:
            missed.append(name)
    tell(f"not found: {', '.join(missed)}" if missed else "Every planted fault was found.")
    return 1 if missed else 0
