"""What may import what: import-linter's contracts, and each of them broken on purpose."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.architecture.sources import PACKAGES, ROOT, imported_names, modules


@dataclass(frozen=True, slots=True)
class Planted:
    """A line that breaks one contract, at the end of a file of one of the packages."""

    contract: str
    file: str
    line: str


PLANTED = [
    Planted(
        "Entrypoints stand on adapters, adapters on the core",
        "src/citewell/ports/units.py",
        "import citewell_adapters.mock",
    ),
    Planted(
        "Entrypoints stand on adapters, adapters on the core",
        "adapters/citewell_adapters/mock/__init__.py",
        "import citewell_entrypoints.settings",
    ),
    Planted("The core imports the standard library alone", "src/citewell/errors.py", "import psycopg"),
    Planted("The core imports the standard library alone", "src/citewell/errors.py", "import pytest"),
    Planted(
        "The core imports the standard library alone",
        "src/citewell/errors.py",
        "import citewell_migrations",
    ),
    Planted(
        "No code in use needs the contract suites", "src/citewell/lifecycle.py", "import citewell.testing"
    ),
    Planted(
        "No code in use needs the contract suites",
        "adapters/citewell_adapters/mock/__init__.py",
        "import citewell.testing.queue",
    ),
    Planted(
        "Adapters are independent of each other",
        "adapters/citewell_adapters/mock/__init__.py",
        "import citewell_adapters.local",
    ),
    Planted(
        "Only the container knows dependency-injector",
        "entrypoints/citewell_entrypoints/settings.py",
        "import dependency_injector.providers",
    ),
    Planted(
        "Migrations import nothing of the other packages",
        "migrations/citewell_migrations/__init__.py",
        "import citewell.errors",
    ),
    Planted("There is no circle of imports", "src/citewell/errors.py", "import citewell.ports"),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and pyproject.toml, to be spoilt."""
    for folder in PACKAGES.values():
        target = tmp_path / folder.relative_to(ROOT)
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_contract_is_kept(copy: Path) -> None:
    """The packages as they are keep all contracts."""
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: f"{planted.line} in {planted.file}")
def test_a_planted_violation_breaks_its_contract(copy: Path, planted: Planted) -> None:
    """One forbidden import is enough for lint-imports to fail and to name the contract and the importer."""
    with (copy / planted.file).open("a", encoding="utf-8") as file:
        file.write(f"\n{planted.line}\n")
    result = lint_imports(copy)
    assert result.returncode != 0
    assert f"{planted.contract} BROKEN" in result.stdout


def test_every_contract_has_a_planted_violation() -> None:
    """No contract stands in pyproject.toml that no test has seen broken."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = {contract["name"] for contract in project["tool"]["importlinter"]["contracts"]}
    assert declared == {planted.contract for planted in PLANTED}


def test_the_core_imports_the_standard_library_alone() -> None:
    """Whatever the contract lists, a module of the core imports the core and Python's own modules only."""
    foreign = {
        f"{module.name} imports {name}"
        for module in modules("citewell")
        for name in imported_names(module.tree)
        if not _allowed_in_the_core(name.partition(".")[0], importer=module.name)
    }
    assert not foreign


def _allowed_in_the_core(package: str, *, importer: str) -> bool:
    if package == "citewell" or package in sys.stdlib_module_names:
        return True
    is_suite = importer == "citewell.testing" or importer.startswith("citewell.testing.")
    return is_suite and package in {"hypothesis", "pytest", "pytest_asyncio"}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter on the packages below `folder`, not on the installed ones."""
    roots = [str(folder / path.relative_to(ROOT).parent) for path in PACKAGES.values()]
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
