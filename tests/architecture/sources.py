"""The four packages as their source shows them: modules and the syntax in them, nothing imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["PACKAGES", "ROOT", "Module", "imported_names", "modules"]

ROOT: Final = Path(__file__).parents[2]

#: The import roots of the distribution: name and folder.
PACKAGES: Final = {
    "citewell": ROOT / "src" / "citewell",
    "citewell_adapters": ROOT / "adapters" / "citewell_adapters",
    "citewell_entrypoints": ROOT / "entrypoints" / "citewell_entrypoints",
    "citewell_migrations": ROOT / "migrations" / "citewell_migrations",
}


@dataclass(frozen=True, slots=True)
class Module:
    """One module: its dotted name, file and syntax tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_public(self) -> bool:
        """Whether no part of the name begins with an underscore."""
        return not any(part.startswith("_") for part in self.name.split("."))


def modules(package: str) -> Iterator[Module]:
    """Every module of one of PACKAGES, itself included, by path."""
    folder = PACKAGES[package]
    for path in sorted(folder.rglob("*.py")):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(name, path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))


def imported_names(tree: ast.AST) -> set[str]:
    """What is imported, wherever it stands: `os`, `os.environ`, `psycopg.sql`; relative imports left out."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names
