"""`citewell doctor`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.printing import counted, wrapped

if TYPE_CHECKING:
    from citewell_entrypoints.cli.checks.finding import Finding

__all__ = ["command"]

_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "red"}
_NAME_WIDTH: Final = 17


@click.command(
    "doctor",
    cls=Command,
    examples=(
        ("Check this machine and these settings", "citewell doctor"),
        ("Before a deployment, for a program", "APP_DATABASE_URL=postgresql://… citewell doctor --json"),
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one object of JSON.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check settings, disk, packages, embedder, database, queue and port.

    Each finding is ok, warn or fail, and comes with how to mend it. Nothing is changed, and nothing needs to
    run. The exit code is 1 if something fails.
    """
    from citewell_entrypoints.cli.checks.report import findings

    found = list(findings()) if as_json else _shown(findings())
    states = [finding.state.value for finding in found]
    failed = "fail" in states
    if as_json:
        checks = [asdict(finding) for finding in found]
        click.echo(json.dumps({"ok": not failed, "checks": checks}, indent=2))
    else:
        counts = [f"{states.count(state)} {state}" for state in _COLOURS if state in states]
        click.echo(f"\n{counted(len(states), 'check')}: {', '.join(counts)}")
    ctx.exit(1 if failed else 0)


def _shown(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, each printed as soon as it is there: some take a second."""
    found = []
    for finding in findings:
        found.append(finding)
        _show(finding)
    return found


def _show(finding: Finding) -> None:
    indent = " " * (6 + _NAME_WIDTH)
    state = click.style(f"{finding.state:<4}", fg=_COLOURS[finding.state.value], bold=True)
    detail = wrapped(finding.detail, indent=indent).lstrip()
    click.echo(f"{state}  {finding.name:<{_NAME_WIDTH}}{detail}")
    if finding.mend:
        click.echo(wrapped(f"→ {finding.mend}", indent=indent))
