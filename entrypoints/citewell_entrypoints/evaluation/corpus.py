"""A corpus as files to upload.

A passage with a title becomes Markdown, its title the heading, so that a title is found as any heading is;
one without becomes plain text, in which no line is taken for a heading. The same passage under two ids is one
file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from citewell_entrypoints.evaluation.beir import BeirFolder, Passage

__all__ = ["Corpus", "CorpusFile"]

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_CHARACTERS: Final = 40
_DIGEST_CHARACTERS: Final = 8


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file to upload. ids: of the passages that it holds, in the order of the corpus; sha256: in hex."""

    passage: Passage
    ids: tuple[str, ...]
    sha256: str

    @property
    def name(self) -> str:
        """The id with the suffix of the format, fit for any file system."""
        safe = _UNSAFE.sub("_", self.ids[0])[:_NAME_CHARACTERS]
        return f"{safe}.{'md' if _title(self.passage) else 'txt'}"

    def content(self) -> bytes:
        """The bytes of the file."""
        return _content(self.passage)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The files, each of other bytes.

    empty: how many passages have no text at all; nothing could find them. digest: of all files, in hex.
    """

    folder: str
    files: tuple[CorpusFile, ...]
    empty: int
    digest: str

    @classmethod
    def of(cls, folder: BeirFolder) -> Corpus:
        """The corpus of the folder."""
        ids: dict[str, list[str]] = {}
        passages: dict[str, Passage] = {}
        empty = 0
        for passage in folder.passages:
            content = _content(passage)
            if not content.strip():
                empty += 1
                continue
            sha256 = hashlib.sha256(content).hexdigest()
            ids.setdefault(sha256, []).append(passage.id)
            passages.setdefault(sha256, passage)
        files = tuple(CorpusFile(passages[sha256], tuple(of), sha256) for sha256, of in ids.items())
        digest = hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
        return cls(folder.name, files, empty, digest)

    @property
    def collection(self) -> str:
        """The collection that is its own: named after the folder and all that is in it."""
        name = _UNSAFE.sub("-", self.folder)[:_NAME_CHARACTERS].strip("-.") or "corpus"
        return f"eval-{name}-{self.digest[:_DIGEST_CHARACTERS]}"


def _content(passage: Passage) -> bytes:
    title = _title(passage)
    # A NUL would make it a binary file, half of a character is in no encoding.
    text = passage.text.replace("\0", " ")
    return (f"# {title}\n\n{text}" if title else text).encode("utf-8", "replace")


def _title(passage: Passage) -> str:
    return " ".join(passage.title.replace("\0", " ").split())
