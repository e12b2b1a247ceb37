"""The locked requirements: complete, hashed, and of one resolution."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import packages_distributions, requires
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.architecture.sources import PACKAGES, ROOT, imported_names, modules

PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; ([^\\]+?))? \\$", re.MULTILINE)
#: File, and the extras and groups of pyproject.toml that it holds.
LOCKS = {
    "dev.txt": ["server", "testing", "dev"],
    "runtime.txt": ["server"],
    "service.txt": ["service", "local"],
    "build.txt": ["build"],
}


@pytest.mark.parametrize(("lock", "groups"), LOCKS.items())
def test_every_declared_dependency_is_locked(lock: str, groups: list[str]) -> None:
    """Each requirement of pyproject.toml has a pin that satisfies it: `make lock` has been run."""
    versions = {name: version for name, version, _ in pins(lock)}
    for requirement in declared(groups):
        name = canonicalize_name(requirement.name)
        assert name in versions, f"{name} is not in requirements/{lock}: run `make lock`"
        assert requirement.specifier.contains(versions[name]), f"{requirement} is not met: run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    """The file holds nothing but exact versions, each followed by SHA-256 hashes, and comments."""
    entries = re.split(r"\n(?=\S)", read(lock).strip())
    for entry in entries:
        first, *others = entry.splitlines()
        assert PIN.match(first + "\n"), first
        hashes = [line for line in others if not line.lstrip().startswith("#")]
        assert hashes
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes), first


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_place(lock: str) -> None:
    """No index address, folder or option stands in a lock: everyone installs from where they please."""
    assert not re.search(r"://|file:|^\s*-(?!-hash)|(^|\s)/", read(lock), re.MULTILINE)


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock != "dev.txt"])
def test_every_lock_is_an_excerpt_of_the_one_for_development(lock: str) -> None:
    """What runs in production is what was tested: the same versions under the same conditions."""
    assert set(pins(lock)) <= set(pins("dev.txt"))


def test_every_foreign_import_is_a_declared_dependency() -> None:
    """What the packages import is asked for by name, not had by chance through something else."""
    distributions = packages_distributions()
    own = {canonicalize_name(name) for name in asked_for(declared(["server", "testing"]))}
    undeclared = {
        f"{module.name} imports {name}"
        for package in PACKAGES
        for module in modules(package)
        for name in {name.partition(".")[0] for name in imported_names(module.tree)}
        if name not in PACKAGES
        and name not in sys.stdlib_module_names
        and not own & {canonicalize_name(found) for found in distributions.get(name, [])}
    }
    assert not undeclared


def test_every_declared_dependency_of_the_service_is_used() -> None:
    """Each is imported, or found or chosen by its name: none is installed for nothing."""
    trees = [module.tree for package in PACKAGES for module in modules(package)]
    imported = [name for tree in trees for name in imported_names(tree)]
    used = {name.partition(".")[0] for name in imported}
    # Uvicorn's own modules for packages of such names.
    used |= {
        part.removesuffix("_impl") for name in imported for part in name.split(".") if part.endswith("_impl")
    }
    used |= {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    distributions = packages_distributions()
    found = {canonicalize_name(owner) for name in used for owner in distributions.get(name, [])}
    assert sorted({canonicalize_name(each.name) for each in declared(["server"])} - found) == []


def test_every_declared_dependency_is_explained() -> None:
    """The documentation says of each why it is there, and of none that is not there."""
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| ([a-z0-9-]+) (?:\(.*?\) )?\| \S", page, re.MULTILINE)
    names = {canonicalize_name(found.name) for found in declared(["server", "testing", "dev"])}
    assert sorted(set(explained) - {"package"}) == sorted(names)


def asked_for(requirements: Iterable[Requirement]) -> Iterator[str]:
    """The names of the requirements, and of what their extras add."""
    for requirement in requirements:
        yield requirement.name
        for line in requires(requirement.name) or [] if requirement.extras else []:
            inner = Requirement(line)
            if inner.marker and any(inner.marker.evaluate({"extra": extra}) for extra in requirement.extras):
                yield inner.name


def pins(lock: str) -> list[tuple[str, str, str]]:
    """Name, version and environment marker of each entry."""
    return [(name, version, marker) for name, version, marker in PIN.findall(read(lock))]


def read(lock: str) -> str:
    return (ROOT / "requirements" / lock).read_text(encoding="utf-8")


def declared(groups: Iterable[str]) -> list[Requirement]:
    """The requirements of the extras and groups, those that they include too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tables = {**project["project"]["optional-dependencies"], **project["dependency-groups"]}
    return [requirement for group in groups for requirement in _expanded(group, tables)]


def _expanded(group: str, tables: Mapping[str, list[Any]]) -> list[Requirement]:
    found: list[Requirement] = []
    for entry in tables[group]:
        if isinstance(entry, dict):
            found += _expanded(entry["include-group"], tables)
        elif (requirement := Requirement(entry)).name == "citewell":
            found += [inner for extra in requirement.extras for inner in _expanded(extra, tables)]
        else:
            found.append(requirement)
    return found
