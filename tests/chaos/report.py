"""What a campaign found, as a table that is read from left to right: when, what, how often, and the harm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.outcomes import Kind, Violation
from tests.chaos.schedule import Action, Moment
from tests.chaos.striking import Struck

__all__ = ["Report"]

_AFTERWARDS: Final = ("afterwards", "-")
_HEAD: Final = ("stage", "what was struck", "times", *(kind.value for kind in Kind))
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Report:
    """facts: lines about what went on; command: what does the same again."""

    struck: Sequence[Struck]
    violations: Sequence[Violation]
    facts: Sequence[str] = field(default_factory=tuple)
    command: str = ""

    @property
    def kills(self) -> int:
        """How many processes were sent SIGKILL."""
        return sum(blow.strike.action is Action.KILL for blow in self.struck)

    def table(self) -> str:
        """A row for each stage and target. A violation counts where its document was last under way."""
        times = Counter(_place(blow) for blow in self.struck)
        harm = Counter((self._blamed(violation), violation.kind) for violation in self.violations)
        rows = [
            (*place, str(times[place]), *(str(harm[place, kind]) for kind in Kind)) for place in _order(times)
        ]
        if any(place == _AFTERWARDS for place, _ in harm):
            rows.append((*_AFTERWARDS, "", *(str(harm[_AFTERWARDS, kind]) for kind in Kind)))
        sums = Counter(violation.kind for violation in self.violations)
        rows.append(("all", "", str(len(self.struck)), *(str(sums[kind]) for kind in Kind)))
        return _aligned([_HEAD, *rows])

    def text(self) -> str:
        """All of it, with the worst of the violations in words."""
        lines = [self.table(), "", *self.facts]
        lines += [
            f"  {violation.kind}: {violation.document_id or '-'}: {violation.detail}"
            for violation in self.violations[:_SHOWN]
        ]
        if len(self.violations) > _SHOWN:
            lines.append(f"  … and {len(self.violations) - _SHOWN} more")
        verdict = "kept every promise" if not self.violations else f"{len(self.violations)} violations"
        return "\n".join([*lines, "", f"{self.kills} kills: {verdict}. Again: {self.command}"])

    def _blamed(self, violation: Violation) -> tuple[str, str]:
        for blow in reversed(self.struck):
            if violation.document_id in blow.under_way:
                return _place(blow)
        return _AFTERWARDS


def _place(blow: Struck) -> tuple[str, str]:
    action = "" if blow.strike.action is Action.KILL else f", {blow.strike.action}"
    return blow.moment.value, f"{blow.strike.target}{action}"


def _order(places: Counter[tuple[str, str]]) -> list[tuple[str, str]]:
    moments = [moment.value for moment in Moment]
    return sorted(places, key=lambda place: (moments.index(place[0]), place[1]))


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        texts = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
        numbers = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        lines.append("  ".join([*texts, *numbers]).rstrip())
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join(lines)
