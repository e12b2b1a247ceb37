"""What a user gets: the built wheel, installed by itself."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.architecture.sources import PACKAGES, ROOT

#: Imports every module of the core that is not a contract suite, and prints what came in from elsewhere.
IMPORT_THE_CORE = """
import importlib, pkgutil, sys
before = set(sys.modules)
import citewell
names = [module.name for module in pkgutil.walk_packages(citewell.__path__, "citewell.")
         if not module.name.startswith("citewell.testing")]
for name in names:
    importlib.import_module(name)
loaded = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(len(names), *sorted(loaded))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from the checkout without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)])
    (built,) = folder.glob("citewell-*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment that holds the wheel and nothing else."""
    environment = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
    python = environment / "bin" / "python"
    run([*installer(python), "--no-deps", "--no-index", str(wheel)])
    return python


def test_the_wheel_carries_every_file_of_the_four_packages(wheel: Path) -> None:
    """SQL, static files and type markers travel along; what git ignores does not."""
    with zipfile.ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert carried == set(package_files())
    assert {f"{package}/py.typed" for package in PACKAGES} <= carried


def test_the_wheel_carries_the_licence(wheel: Path) -> None:
    """The metadata name the licence, and its text lies beside them."""
    with zipfile.ZipFile(wheel) as archive:
        (licence,) = (name for name in archive.namelist() if name.endswith("/licenses/LICENSE"))
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
        assert b"\nLicense-Expression: Apache-2.0\n" in archive.read(metadata)


def test_the_wheel_requires_nothing_without_an_extra(wheel: Path) -> None:
    """`pip install citewell` installs no dependency: every requirement belongs to an extra."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    required = [line for line in lines if line.startswith("Requires-Dist:")]
    assert required
    assert all("; extra ==" in line for line in required)


def test_the_core_runs_from_the_wheel_alone(python: Path) -> None:
    """Without any other package there, each module of the core imports, and nothing foreign with it."""
    # -I: neither the current folder nor PYTHONPATH may help.
    count, *loaded = run([str(python), "-I", "-c", IMPORT_THE_CORE]).split()
    assert int(count) > 5
    assert loaded == ["citewell"]


def package_files() -> Iterator[str]:
    """The files of the packages, as paths in a wheel."""
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{package}/{path.relative_to(folder).as_posix()}"


def installer(python: Path) -> list[str]:
    """What installs into another environment: pip where this one has it, else uv, which made this one."""
    if importlib.util.find_spec("pip") is not None:
        return [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--disable-pip-version-check",
        ]
    return ["uv", "pip", "install", "--python", str(python)]


def run(command: list[str]) -> str:
    """What the command prints; its errors are shown if it fails."""
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
