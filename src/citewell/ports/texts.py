"""What reads, cuts and analyses texts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

from citewell.model import EmbeddingSpace, Heading, ParsedPage, Span, Vector

__all__ = [
    "Chunker",
    "Embedder",
    "EmbeddingRole",
    "LexicalEncoder",
    "Parser",
    "TokenCounter",
]

#: How many tokens a text costs; 0 for the empty text, never less for a text than for a prefix of it that ends
#: where a word ends.
TokenCounter = Callable[[str], int]

EmbeddingRole = Literal["passage", "question"]


class Chunker(Protocol):
    """Cuts a text into passages."""

    def split(self, text: str, *, headings: Sequence[Heading] = ()) -> Sequence[Span]:
        """The spans of the passages of `text`, in order.

        Every character that is not white space is in at least one span. No span is empty or white space
        alone, and none begins or ends with white space. Starts and ends both strictly increase;
        neighbouring spans may overlap. The same input gives the same spans. Splitting again from the start
        of any passage gives that passage and those after it, and text appended at the end changes no
        passage but the last: so a long document can be cut window by window.
        `headings` are in order, with offsets into `text`.
        """
        ...


class Embedder(Protocol):
    """Turns texts into vectors of one embedding space."""

    @property
    def space(self) -> EmbeddingSpace:
        """The space of every vector that this embedder makes."""
        ...

    @property
    def max_tokens(self) -> int:
        """The longest text that is embedded whole, in tokens as `count_tokens` counts them."""
        ...

    def count_tokens(self, text: str) -> int:
        """What `text` costs of `max_tokens`: a TokenCounter."""
        ...

    async def embed(self, texts: Sequence[str], *, role: EmbeddingRole) -> Sequence[Vector]:
        """One vector per text, in the order of the texts: `space.dimensions` floats, L2-normalised.

        No texts give no vectors. The empty text has a vector too. Equal texts of one role get vectors that
        are equal up to rounding (cosine at least 0.999), alone or among others. Calls may overlap. Raises
        EmbedderUnavailable where a later try may succeed, EmbeddingRejected where it cannot,
        DimensionMismatch if the model's vectors do not fit.
        """
        ...


class LexicalEncoder(Protocol):
    """Turns texts into terms, as numbers from 0 below 1,000,000,000. It is a pure function of the text."""

    def passage(self, text: str) -> Mapping[int, int]:
        """How often each term is in the passage."""
        ...

    def sequence(self, text: str) -> Sequence[int | None]:
        """The terms of the passage in the order of its words; None for a word too common to tell anything.

        Counted, they are what `passage` says, but for the rarest terms of a text with thousands of them.
        """
        ...

    def question(self, text: str) -> Sequence[Sequence[int]]:
        """For each word of the question the terms that it may be in a passage, best known first.

        No word is without terms, and no term is in two words. A word that is asked for is among the terms of
        a passage that contains it, unless it is too common to tell anything.
        """
        ...


class Parser(Protocol):
    """Reads files of some types."""

    def detect(self, head: bytes, *, name: str) -> str | None:
        """The media type if this parser reads a file that begins with `head`, else None.

        `head` is the first 8 KiB or the whole of a shorter file. The bytes decide; the name only tells apart
        types that look the same.
        """
        ...

    def parse(
        self, path: Path, *, media_type: str, password: str | None = None, skip: int = 0
    ) -> AsyncGenerator[ParsedPage, None]:
        """The pages in order, each as soon as it is read; closing the generator early ends the reading.

        The first `skip` pages or parts are left out, and the others come as they would have come after them;
        past the end there are none. Numbers begin at 1 and never decrease; a page that cannot be read comes
        with an empty text and says in `problem` why. Where a page comes in several parts, none of them is
        empty. No text holds a NUL or a surrogate. Line spans are in order and lie within the page's text,
        boxes within the page. Raises PasswordRequired, UnreadableDocument, ParserLimitExceeded or
        ParserCrashed.
        """
        ...

    async def unlock(self, path: Path, *, media_type: str, password: str, to: Path) -> bool:
        """Write a copy of an encrypted file to `to` that opens without a password, and reads the same.

        The same file and password give the same bytes. False, and no file, if the password is wrong, the file
        opens without one, or the format knows none. Raises UnreadableDocument, ParserLimitExceeded or
        ParserCrashed; then, too, there is no file.
        """
        ...
