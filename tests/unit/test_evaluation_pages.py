"""Reports as pages."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from tests.evaluation_runs import answered_run, mode_of

from citewell_entrypoints.evaluation import compare
from citewell_entrypoints.evaluation.charts import bars, curves
from citewell_entrypoints.evaluation.pages import comparison_page, run_page

RUN = answered_run(
    mode_of("dense", {"q1": ("d1",), "q2": ("d2", "<script>")}),
    mode_of("hybrid", {"q1": ("d2", "d1"), "q2": ("d1",)}),
    notes=("a note & more",),
)
PAGE = run_page(RUN)
COMPARED = comparison_page(RUN, RUN, compare(RUN, RUN, modes=["dense:hybrid"], seed=0))


class Tags(HTMLParser):
    """The tags of a page, those that were left open, and the addresses in it."""

    VOID = frozenset({"meta"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def svgs(page: str) -> list[ElementTree.Element]:
    """The plots, parsed."""
    return [parsed(found) for found in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def parsed(svg: str) -> ElementTree.Element:
    """A plot of ours."""
    return ElementTree.fromstring(svg)  # noqa: S314


@pytest.mark.parametrize("page", [PAGE, COMPARED], ids=["run", "comparison"])
def test_a_page_stands_alone(page: str) -> None:
    """Every tag is closed; there is no script, and nothing that is loaded from elsewhere."""
    tags = Tags(page)
    assert tags.open == []
    assert tags.addresses == []
    assert not {"script", "link", "img", "iframe"} & set(tags.seen)
    assert "url(" not in page
    assert "@import" not in page


def test_a_run_is_drawn_and_told() -> None:
    """Three intervals, the questions' scores and the latencies; the figures, notes and questions as text."""
    assert [plot.get("aria-label") for plot in svgs(PAGE)] == [
        "nDCG@10",
        "Recall@100",
        "MRR@10",
        "nDCG@10 by question",
        "Latency",
    ]
    assert "Retrieval on tides" in PAGE
    assert "0.500 [0.000, 1.000]" in PAGE
    assert "a note &amp; more" in PAGE
    assert "What is &lt;q1&gt;?" in PAGE
    assert "&lt;script&gt;" in PAGE


def test_a_comparison_is_drawn_and_told() -> None:
    """A bar for each question that moved, up or down, and the table of them."""
    [plot] = svgs(COMPARED)
    assert [bar.get("class") for bar in plot.iter("rect")] == ["up", "down"]
    assert "+1.000" in COMPARED
    assert "-0.369" in COMPARED
    assert "1 / 1 / 0" in COMPARED


def test_a_curve_of_many_points_stays_small_and_ends_where_it_ends() -> None:
    """Five thousand points are not all drawn, the last one is."""
    drawn = curves({"a": [(float(n), 0.5) for n in range(5000)]}, title="t", x="x", y="y")
    [line] = parsed(drawn).iter("polyline")
    points = (line.get("points") or "").split()
    assert len(points) < 500
    assert points[-1] == "570.0,10.0"


def test_plots_of_nothing_are_drawn_all_the_same() -> None:
    """No question moved, or none took any time."""
    assert parsed(bars([], title="t", x="x")).tag == "svg"
    assert parsed(curves({"a": [(0.0, 0.0)]}, title="t", x="x", y="y")).tag == "svg"
