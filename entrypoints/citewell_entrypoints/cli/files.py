"""Which files a command line means."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from citewell_entrypoints.client.events import SourceFile

__all__ = ["source_files"]


def source_files(paths: Sequence[Path]) -> tuple[SourceFile, ...]:
    """The files named and those in the folders named, folder by folder in order of their names, each once.

    Hidden files and folders inside a folder are left out, and folders behind links.
    """
    found: dict[Path, SourceFile] = {}
    for path in paths:
        for file in _below(path) if path.is_dir() else [SourceFile(path, str(path), named=True)]:
            known = found.setdefault(file.path.resolve(), file)
            if file.named and not known.named:
                found[file.path.resolve()] = file
    return tuple(found.values())


def _below(folder: Path) -> Iterator[SourceFile]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file():
                yield SourceFile(path, str(path), named=False)
