"""What the README says is true: its code runs, its table is the settings'."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from citewell_entrypoints.settings_table import settings_table

README = Path(__file__).parents[2] / "README.md"


def python_blocks(document: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", document.read_text(), re.DOTALL)


BLOCKS = python_blocks(README)


def test_the_settings_table_is_that_of_the_settings() -> None:
    """`python -m citewell_entrypoints.settings_table` prints what stands in the README."""
    begin, end = "<!-- settings: begin -->\n", "\n<!-- settings: end -->"
    assert README.read_text().split(begin)[1].split(end)[0] == settings_table()


def test_the_library_example_finds_the_ferry(tmp_path: Path) -> None:
    """The first Python block runs as pasted and finds what it asks for."""
    script = tmp_path / "example.py"
    script.write_text(BLOCKS[0])
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=60)
    assert "ferry.txt" in ran.stdout.splitlines()[0]
    assert len(BLOCKS[0].strip().splitlines()) <= 22


def test_the_embedder_of_ones_own_keeps_the_contract(tmp_path: Path) -> None:
    """The second Python block is a test module that passes."""
    assert_passes(tmp_path, BLOCKS[1])


def test_the_adapters_of_ones_own_keep_their_contracts(tmp_path: Path) -> None:
    """Each example of docs/extending.md is a test module that passes; the last shows how one is wired."""
    *adapters, wiring = python_blocks(README.parent / "docs" / "extending.md")
    assert len(adapters) == 5
    assert_passes(tmp_path, *adapters)
    compile(wiring, "wiring", "exec")


def assert_passes(folder: Path, *modules: str) -> None:
    """As in a project of one's own: no configuration of ours."""
    for number, module in enumerate(modules):
        (folder / f"test_example_{number}.py").write_text(module)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, timeout=240)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout


@pytest.mark.parametrize("target", ["run", "test", "test-containers", "check", "bench", "help"])
def test_the_make_targets_that_the_readme_names_exist(target: str) -> None:
    """No target in the README that the Makefile lacks."""
    assert f"make {target}" in README.read_text()
    assert re.search(rf"^{target}:", (README.parent / "Makefile").read_text(), re.MULTILINE)


def test_every_file_that_the_readme_links_to_exists() -> None:
    """No dead links."""
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text())
    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
