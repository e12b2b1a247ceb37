"""The checks of a campaign: each passes what is right, and finds what was planted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.chaos.checks import (
    SLICE_CHUNKS,
    STALE_SECONDS,
    deleted_left,
    kept_promises,
    left_overs,
    paid_twice,
    stored_once,
)
from tests.chaos.embeddings import Embedded
from tests.chaos.inspection import Remains, StoredDocument
from tests.chaos.ledger import Entry
from tests.chaos.outcomes import Kind, Outcome, Passage, Violation
from tests.chaos.visibility import partial_faults, whole_faults
from tests.chaos.watch import Committed

SHA, OTHER, BAD = "a" * 64, "b" * 64, "c" * 64
CHUNKS = 40


def outcome(name: str, *, chunks: int = CHUNKS) -> Outcome:
    """Ready, with passages whose texts nobody else has."""
    passages = [
        Passage(index, f"{name} {index}", index * 10, index * 10 + 9, 1, 1, (), 3) for index in range(chunks)
    ]
    return Outcome("ready", None, tuple(passages))


REFERENCE = {SHA: outcome("one"), OTHER: outcome("two", chunks=3), BAD: Outcome("failed", "unreadable", ())}


def entry(document_id: str = "d", *, sha256: str = SHA) -> Entry:
    """An upload that was accepted at 0 and ended at 1000."""
    return Entry(document_id, "c", [sha256], ended=True, spans=[[0.0, 1000.0]])


def stored(document_id: str = "d", **changes: Any) -> StoredDocument:
    """What the entry should have become."""
    right = StoredDocument(document_id, "c", "ready", SHA, SHA, CHUNKS, CHUNKS, 1)
    return replace(right, **changes)


def sources(*indexes: int, sha256: str = SHA) -> list[dict[str, Any]]:
    """What a query says of these chunks."""
    passages = REFERENCE[sha256].passages
    return [
        {
            "sha256": sha256,
            "chunk_index": index,
            "text": passages[index].text,
            "span": {"start": passages[index].start, "end": passages[index].end},
        }
        for index in indexes
    ]


def kinds(violations: Sequence[Violation]) -> list[Kind]:
    return [violation.kind for violation in violations]


class TestKeptPromises:
    """Every accepted upload against the undisturbed run."""

    def test_what_ended_as_undisturbed_is_right(self) -> None:
        """Ready with the same chunks, or failed with the same code."""
        found = {"d": REFERENCE[SHA], "bad": REFERENCE[BAD]}
        assert kept_promises([entry(), entry("bad", sha256=BAD)], found, REFERENCE) == []

    def test_what_was_deleted_is_not_asked_for(self) -> None:
        """Nobody promised to keep it."""
        gone = entry()
        gone.delete_asked = 5.0
        assert kept_promises([gone], {}, REFERENCE) == []

    @pytest.mark.parametrize(
        ("found", "kind"),
        [
            pytest.param(None, Kind.LOST, id="gone"),
            pytest.param(Outcome("processing", None, ()), Kind.STUCK, id="still processing"),
            pytest.param(Outcome("queued", None, ()), Kind.STUCK, id="still queued"),
            pytest.param(Outcome("failed", "attempts_exhausted", ()), Kind.LOST, id="failed"),
            pytest.param(outcome("one", chunks=CHUNKS - 1), Kind.LOST, id="a chunk short"),
            pytest.param(outcome("one", chunks=CHUNKS + 1), Kind.DUPLICATED, id="a chunk too many"),
            pytest.param(outcome("two"), Kind.LOST, id="other texts"),
        ],
    )
    def test_anything_else_is_a_violation(self, found: Outcome | None, kind: Kind) -> None:
        """Of its own kind."""
        assert kinds(kept_promises([entry()], {"d": found}, REFERENCE)) == [kind]

    @pytest.mark.parametrize(
        "changes", [{"start": 1}, {"last_page": 2}, {"heading_path": ("A",)}, {"token_count": 9}]
    )
    def test_every_field_of_a_chunk_counts(self, changes: dict[str, Any]) -> None:
        """Spans, pages, headings and tokens as well as texts."""
        passages = REFERENCE[SHA].passages
        found = Outcome("ready", None, (replace(passages[0], **changes), *passages[1:]))
        assert kinds(kept_promises([entry()], {"d": found}, REFERENCE)) == [Kind.LOST]

    def test_another_code_than_undisturbed_is_a_violation(self) -> None:
        """A crash of the reader must not be blamed on the file."""
        found = {"bad": Outcome("failed", "parser_limit_exceeded", ())}
        assert kinds(kept_promises([entry("bad", sha256=BAD)], found, REFERENCE)) == [Kind.LOST]


class TestStoredOnce:
    """The rows of the database against what users were told."""

    def test_one_whole_document_is_right(self) -> None:
        """Known to its user, ready once, all vectors live."""
        assert stored_once([stored()], {"d": entry()}, REFERENCE) == []

    def test_the_same_bytes_in_another_collection_are_another_document(self) -> None:
        """Each collection has its own."""
        documents = [stored(), stored("e", collection="other")]
        assert stored_once(documents, {"d": entry(), "e": entry("e")}, REFERENCE) == []

    def test_two_documents_with_the_same_bytes_are_found(self) -> None:
        """Both are named."""
        found = stored_once([stored(), stored("e")], {"d": entry(), "e": entry("e")}, REFERENCE)
        assert kinds(found) == [Kind.DUPLICATED, Kind.DUPLICATED]

    def test_a_document_that_nobody_was_told_of_is_found(self) -> None:
        """An upload that was refused must leave nothing."""
        assert kinds(stored_once([stored()], {}, REFERENCE)) == [Kind.DUPLICATED]

    def test_a_second_publication_is_found(self) -> None:
        """Ready exactly once for each revision."""
        assert kinds(stored_once([stored(readied=2)], {"d": entry()}, REFERENCE)) == [Kind.DUPLICATED]

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"live_vectors": CHUNKS - 1}, Kind.LOST),
            ({"live_vectors": CHUNKS + 1}, Kind.DUPLICATED),
            ({"live_sha256": None}, Kind.LOST),
            ({"live_sha256": OTHER}, Kind.LOST),
        ],
    )
    def test_a_ready_document_has_its_vectors(self, changes: dict[str, Any], kind: Kind) -> None:
        """Neither more nor fewer, and those of its newest revision."""
        assert kinds(stored_once([stored(**changes)], {"d": entry()}, REFERENCE)) == [kind]


class TestLeftOvers:
    """What is stored though it is over."""

    def test_nothing_left_is_right(self) -> None:
        """All counts zero, and exactly the wanted blobs."""
        assert left_overs(Remains([], {"leases": 0}, frozenset({SHA}), frozenset({SHA}))) == []

    def test_stray_rows_are_found(self) -> None:
        """With their number."""
        found = left_overs(Remains([], {"staged vectors": 3, "leases": 0}, frozenset(), frozenset()))
        assert [(violation.kind, violation.detail) for violation in found] == [
            (Kind.LEFT_OVER, "3 staged vectors")
        ]

    def test_orphan_blobs_are_found(self) -> None:
        """Files that no revision refers to."""
        assert kinds(left_overs(Remains([], {}, frozenset({SHA}), frozenset()))) == [Kind.LEFT_OVER]

    def test_missing_blobs_are_found(self) -> None:
        """A document without its bytes is lost."""
        assert kinds(left_overs(Remains([], {}, frozenset(), frozenset({SHA})))) == [Kind.LOST]

    def test_deleted_documents_that_are_stored_are_found(self) -> None:
        """Only once the deletion was confirmed."""
        asked, gone = entry(), entry("e")
        asked.delete_asked = gone.delete_asked = 1.0
        gone.deleted = 2.0
        found = deleted_left([asked, gone], [stored(), stored("e")])
        assert [(violation.kind, violation.document_id) for violation in found] == [(Kind.LEFT_OVER, "e")]


class TestPaidTwice:
    """The embedder's log against what had been committed."""

    COMMITTED = (Committed("d", SHA, 8, 10.0), Committed("d", SHA, 24, 20.0))

    def check(self, *log: Embedded, **changes: Any) -> list[Violation]:
        """Of one document under way, or of `entries`."""
        entries = changes.pop("entries", [entry()])
        committed = changes.pop("committed", self.COMMITTED)
        return paid_twice(log, committed, entries, REFERENCE, stalls=changes.pop("stalls", ()))

    def test_paying_once_is_right(self) -> None:
        """Each text before its slice was committed."""
        assert self.check(*(Embedded(f"one {index}", 9.0) for index in range(8))) == []

    def test_paying_again_for_what_was_not_committed_is_right(self) -> None:
        """Its worker died too early."""
        again = [Embedded(f"one {index}", at) for index in range(8, 24) for at in (11.0, 19.0)]
        assert self.check(*again) == []

    def test_paying_for_a_committed_slice_is_found(self) -> None:
        """A single text is enough, once nobody can be unaware of it any more."""
        assert kinds(self.check(Embedded("one 3", 10.5 + STALE_SECONDS))) == [Kind.PAID_TWICE]
        in_context = Embedded("a name\nA heading\n\none 3", 10.5 + STALE_SECONDS)
        assert kinds(self.check(in_context)) == [Kind.PAID_TWICE]

    def test_who_was_paused_may_finish_one_slice(self) -> None:
        """The time that it stood still does not count."""
        at = 12.0 + STALE_SECONDS
        assert self.check(Embedded("one 3", at), stalls=[(11.0, 18.0)]) == []
        assert kinds(self.check(Embedded("one 3", at + 7.0), stalls=[(11.0, 18.0)])) == [Kind.PAID_TWICE]

    def test_two_workers_on_one_document_are_found(self) -> None:
        """Slice by slice shortly after each other, as without a fence."""
        committed = [Committed("d", SHA, CHUNKS, 10.0)]
        twice = [Embedded(f"one {index}", 11.0) for index in range(SLICE_CHUNKS + 1)]
        assert kinds(self.check(*twice, committed=committed)) == [Kind.PAID_TWICE]
        assert self.check(*twice[:-1], committed=committed) == []

    def test_another_document_pays_for_itself(self) -> None:
        """The same bytes under way elsewhere, later."""
        first, second = entry(), entry("e")
        first.spans, second.spans = [[0.0, 30.0]], [[31.0, 1000.0]]
        assert self.check(Embedded("one 3", 50.0), entries=[first, second]) == []

    def test_what_two_documents_could_have_asked_for_is_left_out(self) -> None:
        """It is not known whose it was."""
        assert self.check(Embedded("one 3", 50.0), entries=[entry(), entry("e")]) == []

    def test_a_text_that_comes_again_later_in_its_document_is_right(self) -> None:
        """It is paid for as long as its last place is not committed."""
        passages = REFERENCE[SHA].passages
        repeating = Outcome("ready", None, (*passages[:-1], replace(passages[-1], text="one 3")))
        log = [Embedded("one 3", 50.0)]
        assert paid_twice(log, self.COMMITTED, [entry()], {SHA: repeating}, stalls=()) == []

    def test_what_was_cancelled_is_paid_anew(self) -> None:
        """Nothing was kept for it."""
        cancelled = entry()
        cancelled.paid_anew = 25.0
        assert self.check(Embedded("one 3", 50.0), entries=[cancelled]) == []


class TestVisibility:
    """What one reply may hold of one document."""

    def test_nothing_or_all_is_right(self) -> None:
        """A document is found whole or not at all."""
        assert whole_faults([], REFERENCE) == []
        assert whole_faults(sources(*range(CHUNKS)), REFERENCE) == []

    def test_some_chunks_are_half_a_document(self) -> None:
        """One missing is enough."""
        assert whole_faults(sources(*range(1, CHUNKS)), REFERENCE) != []

    def test_some_chunks_are_right_where_not_all_were_asked_for(self) -> None:
        """As in a query over many documents."""
        assert partial_faults(sources(4, 2), REFERENCE) == []

    @pytest.mark.parametrize(
        "found",
        [
            pytest.param([*sources(0), *sources(0, sha256=OTHER)], id="two revisions"),
            pytest.param(sources(2, 2), id="one chunk twice"),
            pytest.param([{**sources(2)[0], "text": "else"}], id="another text"),
            pytest.param([{**sources(2)[0], "span": {"start": 0, "end": 9}}], id="another span"),
            pytest.param([{**sources(2)[0], "chunk_index": CHUNKS}], id="no such chunk"),
            pytest.param([{**sources(2)[0], "sha256": "d" * 64}], id="no such revision"),
        ],
    )
    def test_anything_else_is_a_fault(self, found: list[dict[str, Any]]) -> None:
        """In a query for all chunks as in one for some."""
        assert partial_faults(found, REFERENCE) != []
        assert whole_faults(found, REFERENCE) != []
