"""The table of a campaign."""

from __future__ import annotations

from tests.chaos.outcomes import Kind, Violation
from tests.chaos.report import Report
from tests.chaos.schedule import Action, Moment, Strike, Target
from tests.chaos.striking import Struck


def blow(number: int, target: Target, *documents: str, action: Action = Action.KILL) -> Struck:
    """A strike at EMBEDDING while these documents were under way."""
    strike = Strike(number, Moment.EMBEDDING, target, action, 0.0, 0.0)
    return Struck(strike, Moment.EMBEDDING, float(number), frozenset(documents))


def cells(report: Report, row: str) -> list[str]:
    """The numbers of the row that begins so."""
    [line] = [line for line in report.table().splitlines() if line.startswith(row)]
    return line.removeprefix(row).split()


def test_strikes_are_counted_by_stage_and_target() -> None:
    """A pause is not a kill."""
    report = Report(
        [blow(1, Target.WORKER), blow(2, Target.WORKER), blow(3, Target.WORKER, action=Action.PAUSE)], []
    )
    assert cells(report, "embedding  worker  ")[0] == "2"
    assert cells(report, "embedding  worker, pause")[0] == "1"
    assert report.kills == 2
    assert "2 kills: kept every promise" in report.text()


def test_harm_counts_where_its_document_was_last_under_way() -> None:
    """What hurt it is the last strike that it was there for."""
    struck = [blow(1, Target.API, "d"), blow(2, Target.WORKER, "d"), blow(3, Target.VALKEY, "e")]
    report = Report(struck, [Violation(Kind.LOST, "d", "gone")])
    assert cells(report, "embedding  worker") == ["1", "1", "0", "0", "0", "0", "0"]
    assert cells(report, "embedding  api") == ["1", "0", "0", "0", "0", "0", "0"]
    assert "1 violations" in report.text()


def test_harm_that_no_strike_explains_has_a_row_of_its_own() -> None:
    """Nothing found is left out of the table."""
    report = Report([blow(1, Target.API)], [Violation(Kind.STUCK, None, "a lease")])
    assert cells(report, "afterwards  -") == ["0", "0", "0", "1", "0", "0"]
    assert cells(report, "all") == ["1", "0", "0", "0", "1", "0", "0"]
