"""What a language model takes and says."""

from __future__ import annotations

from dataclasses import dataclass, field

from citewell.errors import InvalidInput
from citewell.model.degradation import Degradation, names_of
from citewell.model.names import DocumentId
from citewell.model.pages import Span
from citewell.model.search import Found, Hit, SearchTrace

__all__ = [
    "Answer",
    "AnswerBudget",
    "AnswerCitation",
    "AnswerPart",
    "AnswerTimings",
    "Delta",
    "Message",
    "Quotation",
    "QuotationCheck",
    "TokenUsage",
]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn for a language model; role: `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """What a call of a language model cost. estimated: the model did not tell, it was counted here."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a language model's reply, in the order in which it is said.

    usage: what the whole reply cost, where the model tells; the piece that tells may be without text.
    """

    text: str
    usage: TokenUsage | None = None


@dataclass(frozen=True, slots=True)
class AnswerBudget:
    """The most that an answer may take; None for what is usual, which is also the most that is given."""

    timeout_seconds: float | None = None
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.timeout_seconds is not None and not 0 < self.timeout_seconds <= 86_400:
            raise InvalidInput(f"timeout_seconds is {self.timeout_seconds}; it must be above 0, up to 86400")
        if self.max_tokens is not None and not 1 <= self.max_tokens <= 100_000:
            raise InvalidInput(f"max_tokens is {self.max_tokens}; it must be from 1 to 100000")


@dataclass(frozen=True, slots=True)
class AnswerCitation:
    """What an answer rests on at one place.

    place: of the citation in the answer's text. source: the hit's number in the answer's hits, from 0.
    quote: exactly the revision's text at `span`. quoted: whether the model gave the words; else they were
    looked for in the passage that it named. first_page, last_page: of the first and last character.
    """

    place: Span
    source: int
    document_id: DocumentId
    sha256: str
    quote: str
    quoted: bool
    span: Span
    first_page: int
    last_page: int


@dataclass(frozen=True, slots=True)
class AnswerTimings:
    """Milliseconds of the search, to the model's first piece, and of the model in all; None if none came."""

    search_ms: float = 0.0
    first_token_ms: float | None = None
    model_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question got: hits, best first, and the model's text if there is one.

    degradations: what should have contributed and could not, each part once; empty if all did.
    citations: in the order of the text; none if there is no text, or the documents do not tell.
    citations_removed: how many the model made that do not hold.
    """

    text: str | None
    hits: tuple[Hit, ...]
    degradations: tuple[Degradation, ...] = ()
    trace: SearchTrace = field(default_factory=SearchTrace)
    citations: tuple[AnswerCitation, ...] = ()
    citations_removed: int = 0
    usage: TokenUsage | None = None
    timings: AnswerTimings = AnswerTimings()

    @property
    def degraded(self) -> tuple[str, ...]:
        """The names of what could not contribute."""
        return names_of(self.degradations)


#: An answer as it comes about: what was found, then pieces of the text, and at last all of it.
AnswerPart = Found | str | Answer


@dataclass(frozen=True, slots=True)
class Quotation:
    """Somebody's claim: that this is the text at this span of this revision (SHA-256, hex) of a document."""

    document_id: DocumentId
    sha256: str
    span: Span
    quote: str


@dataclass(frozen=True, slots=True)
class QuotationCheck:
    """Whether a quotation stands as it says; problem: if not, why, as one word for programs, else empty.

    `document_not_found`; `not_ready`: nothing of the document is live yet; `revision_gone`: another revision
    is live, and the text of this one is not kept; `span_out_of_text`; `quote_differs`.
    """

    quotation: Quotation
    problem: str = ""

    @property
    def valid(self) -> bool:
        """Whether it stands."""
        return not self.problem
