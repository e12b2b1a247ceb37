"""`citewell eval`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from citewell_entrypoints.cli.failures import Failed
from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.server import api_at, url_option

if TYPE_CHECKING:
    from citewell_entrypoints.evaluation import Measuring

__all__ = ["command"]


def _split(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(str.strip, (value or "").split(",")))))


def _in_a_folder(_ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    """Found out now, not after an hour of work."""
    if value is not None and not value.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {value.parent}")
    return value


_output = click.Path(dir_okay=False, writable=True, path_type=Path)
_input = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "eval",
    cls=Command,
    examples=(
        ("Measure all modes of search on a collection with judgements", "citewell eval scifact/"),
        ("Keep the figures, and a page with plots", "citewell eval scifact/ --json now.json --html now.html"),
        ("Say whether a change made it better", "citewell eval --compare before.json now.json"),
        ("One mode against another", "citewell eval --compare now.json now.json --modes dense:hybrid"),
    ),
)
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--compare", "runs", nargs=2, type=_input, metavar="RUN.json RUN.json",
    help="Hold two runs against each other; nothing is measured.",
)  # fmt: skip
@click.option(
    "--modes", callback=_split, metavar="NAMES", help="Modes with commas between; else all there are."
)
@click.option("--json", "json_file", type=_output, callback=_in_a_folder, metavar="FILE",
    help="Write the run, with the scores of each question.",
)  # fmt: skip
@click.option("--html", "html_file", type=_output, callback=_in_a_folder, metavar="FILE",
    help="Write a page with plots.",
)  # fmt: skip
@click.option(
    "--collection",
    default="",
    metavar="NAME",
    help="Bring the documents in here; else into one of their own.",
)
@click.option("--threads", type=click.IntRange(1, 64), default=4, show_default=True, metavar="NUMBER",
    help="How many questions are asked at once.",
)  # fmt: skip
@click.option(
    "--seed", type=int, default=0, show_default=True, metavar="NUMBER", help="Of what is drawn by chance."
)
@click.option("--ignore-identical-ids", is_flag=True,
    help="Leave a document out that has the question's own id, as BEIR does.",
)  # fmt: skip
@url_option
def command(
    folder: Path | None,
    runs: tuple[Path, Path] | None,
    modes: Sequence[str],
    json_file: Path | None,
    html_file: Path | None,
    collection: str,
    threads: int,
    seed: int,
    ignore_identical_ids: bool,
    url: str | None,
) -> None:
    """Measure how well the server finds what is in FOLDER, a collection with judgements in the form of BEIR.

    The documents are brought in like any upload, into a collection of their own; what is there already is not
    brought in again. Then all questions are asked in each mode. Shown are nDCG@10, Recall@100 and MRR@10 with
    95 % confidence, and the latency.
    """
    from citewell_entrypoints.evaluation import Measuring

    if (folder is None) == (runs is None):
        raise click.UsageError("give a FOLDER to measure, or two runs with --compare")
    if runs is not None:
        if json_file is not None:
            raise click.UsageError("--json writes a run, --compare reads two")
        _compare(runs, modes=modes, seed=seed, html_file=html_file)
    elif folder is not None:
        how = Measuring(modes, collection, threads, seed, ignore_identical_ids)
        _measure(folder, how, json_file=json_file, html_file=html_file, url=url)


def _measure(
    folder: Path, how: Measuring, *, json_file: Path | None, html_file: Path | None, url: str | None
) -> None:
    from citewell_entrypoints.cli.eval_views import print_run, progress
    from citewell_entrypoints.evaluation import evaluate, read_folder, write_run
    from citewell_entrypoints.evaluation.pages import run_page

    data = read_folder(folder)
    api = api_at(url)
    api.is_alive()
    with progress() as tell:
        run = evaluate(api, data, how, tell=tell)
    print_run(run)
    if json_file is not None:
        write_run(run, json_file)
    if html_file is not None:
        _write(html_file, run_page(run))


def _compare(runs: tuple[Path, Path], *, modes: Sequence[str], seed: int, html_file: Path | None) -> None:
    from citewell_entrypoints.cli.eval_views import print_comparisons
    from citewell_entrypoints.evaluation import compare, read_run
    from citewell_entrypoints.evaluation.pages import comparison_page

    first, second = map(read_run, runs)
    comparisons = compare(first, second, modes=modes, seed=seed)
    print_comparisons(comparisons)
    if html_file is not None:
        _write(html_file, comparison_page(first, second, comparisons))


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise Failed(f"{path}: {error.strerror or error}") from error
