"""The files that are uploaded: real ones where they lie beside the checkout, and made ones always."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pymupdf
from tests.chaos.outcomes import digest

__all__ = ["REAL_FILES", "Upload", "editions", "made_files", "real_files"]

REAL_FILES: Final = Path(__file__).parents[3] / "shared" / "pdfs"
#: How many of each folder are taken, in the order of their names; the largest of the good ones come on top.
_TAKEN: Final = {"good": 22, "huge": 3, "encrypted": 4, "malformed": 8, "scanned": 3}
#: PyMuPDF's PDF_ENCRYPT_AES_256, which type checkers do not see.
_AES_256: Final = 5
_WORDS: Final = (
    "harbour",
    "lamp",
    "mole",
    "barometer",
    "ferry",
    "ledger",
    "crane",
    "tide",
    "captain",
    "signal",
    "rope",
    "anchor",
    "cargo",
    "customs",
    "pilot",
    "warehouse",
    "storm",
    "channel",
    "beacon",
    "fog",
    "dredger",
    "quay",
    "bollard",
    "manifest",
    "tonnage",
    "survey",
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it is sent."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Of the content, in hex."""
        return digest(self.content)


def real_files() -> Sequence[Upload]:
    """Good, huge, encrypted, damaged and scanned PDFs; none where there is no collection of them."""
    paths: list[Path] = []
    for folder, count in _TAKEN.items():
        found = sorted((REAL_FILES / folder).glob("*.pdf"))
        largest = sorted(found, key=lambda path: path.stat().st_size)[-4:] if folder == "good" else []
        paths += dict.fromkeys([*found[:count], *largest])
    return [Upload(path.name, path.read_bytes()) for path in paths]


def made_files(*, pages: Sequence[int] = (1, 3, 40, 120, 400)) -> Sequence[Upload]:
    """PDFs of so many pages, texts, and files that cannot be read; always the same bytes' worth of text."""
    chance = random.Random("corpus")
    files = [Upload(f"made-{count}.pdf", _pdf(count, chance)) for count in pages]
    files += [Upload(f"note-{number}.txt", _prose(12 + number, chance).encode()) for number in range(6)]
    files.append(Upload("guide.md", f"# Guide\n\n## Lamps\n\n{_prose(40, chance)}\n".encode()))
    whole = _pdf(2, chance)
    files.append(Upload("cut-off.pdf", whole[:200]))
    files.append(Upload("locked.pdf", _pdf(1, chance, password="secret")))
    files.append(Upload("blank.pdf", _pdf(0, chance)))
    return files


def editions(count: int = 12) -> Sequence[Upload]:
    """Small texts, each its own: what documents are replaced with."""
    chance = random.Random("editions")
    return [Upload(f"edition-{number}.txt", _prose(20, chance).encode()) for number in range(count)]


def _prose(sentences: int, chance: random.Random) -> str:
    """Sentences that occur nowhere else: each carries a number of its own."""
    parts = []
    for _ in range(sentences):
        words = " ".join(chance.choices(_WORDS, k=14))
        parts.append(f"The {words} of number {chance.randrange(10**9)} stays.")
    return " ".join(parts)


def _pdf(pages: int, chance: random.Random, *, password: str | None = None) -> bytes:
    """A PDF with a page of prose each; with `pages` = 0 one page without any text."""
    document: Any = pymupdf.open()  # type: ignore[no-untyped-call]
    with document:
        for _ in range(pages):
            page = document.new_page()
            page.insert_textbox((50, 50, 550, 800), _prose(14, chance), fontsize=11)
        if not pages:
            document.new_page()
        locked = {"encryption": _AES_256, "user_pw": password} if password else {}
        content: bytes = document.tobytes(deflate=True, **locked)
    return content
