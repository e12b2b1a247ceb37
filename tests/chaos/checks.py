"""What must hold once everything has ended. Each check is a function of what was seen."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tests.chaos.embeddings import Embedded
from tests.chaos.inspection import Remains, StoredDocument
from tests.chaos.ledger import Entry
from tests.chaos.outcomes import Kind, Outcome, Violation
from tests.chaos.watch import Committed

__all__ = ["deleted_left", "kept_promises", "left_overs", "paid_twice", "stored_once"]

#: A worker that has lost its lease without knowing may still have this many calls open ...
SLICE_CHUNKS: Final = 8
#: ... and it knows after so long, besides the time that it stood still.
STALE_SECONDS: Final = 6.0


def kept_promises(
    entries: Iterable[Entry], found: Mapping[str, Outcome | None], reference: Mapping[str, Outcome]
) -> list[Violation]:
    """Each accepted upload is ready with exactly the chunks, or failed with the code, of an undisturbed run.

    found: how each document stands in the end, None for one that is not there.
    """
    violations = []
    for entry in entries:
        if entry.stands:
            fault = _unlike(found.get(entry.document_id), reference[entry.sha256])
            violations += [Violation(fault[0], entry.document_id, fault[1])] if fault else []
    return violations


def _unlike(found: Outcome | None, expected: Outcome) -> tuple[Kind, str] | None:
    if found is None:
        return Kind.LOST, "accepted, and there is no such document"
    if found.status in {"queued", "processing"}:
        return Kind.STUCK, f"still {found.status}"
    if (found.status, found.code) != (expected.status, expected.code):
        return Kind.LOST, f"{found.status} {found.code or ''}, undisturbed {expected.status} {expected.code}"
    if len(found.passages) != len(expected.passages):
        detail = f"{len(found.passages)} chunks instead of {len(expected.passages)}"
        return (Kind.LOST if len(found.passages) < len(expected.passages) else Kind.DUPLICATED), detail
    pairs = zip(found.passages, expected.passages, strict=True)
    other = [right.index for left, right in pairs if left != right]
    return (Kind.LOST, f"chunks differ from an undisturbed run: {other[:5]}") if other else None


def stored_once(
    documents: Sequence[StoredDocument], entries: Mapping[str, Entry], reference: Mapping[str, Outcome]
) -> list[Violation]:
    """One document for the same bytes in a collection, known to who uploaded it, published once, whole."""
    violations = []
    holders = Counter((stored.collection, stored.newest_sha256) for stored in documents)
    for stored in documents:
        entry = entries.get(stored.document_id)
        faults = []
        if holders[stored.collection, stored.newest_sha256] > 1:
            faults.append((Kind.DUPLICATED, f"another document in {stored.collection} has the same bytes"))
        if entry is None:
            faults.append((Kind.DUPLICATED, "nobody was told of this document"))
        elif stored.readied > len(entry.revisions):
            faults.append((Kind.DUPLICATED, f"ready {stored.readied} times"))
        if stored.status == "ready" and stored.newest_sha256 in reference:
            expected = len(reference[stored.newest_sha256].passages)
            if (stored.live_sha256, stored.live_vectors) != (stored.newest_sha256, expected):
                kind = Kind.DUPLICATED if stored.live_vectors > expected else Kind.LOST
                faults.append((kind, f"{stored.live_vectors} vectors are live, and {expected} should be"))
        violations += [Violation(kind, stored.document_id, detail) for kind, detail in faults]
    return violations


def deleted_left(entries: Iterable[Entry], documents: Sequence[StoredDocument]) -> list[Violation]:
    """A document whose deletion was confirmed is not stored any more."""
    stored = {document.document_id for document in documents}
    return [
        Violation(Kind.LEFT_OVER, entry.document_id, "deleted, and still stored")
        for entry in entries
        if entry.deleted is not None and entry.document_id in stored
    ]


def left_overs(remains: Remains) -> list[Violation]:
    """No staging row, lease, orphan blob or other trace of what is over; and every blob that is needed."""
    violations = [
        Violation(Kind.LEFT_OVER, None, f"{count} {name}") for name, count in remains.stray.items() if count
    ]
    orphans, missing = remains.blobs - remains.wanted_blobs, remains.wanted_blobs - remains.blobs
    if orphans:
        violations.append(Violation(Kind.LEFT_OVER, None, f"{len(orphans)} orphan blobs"))
    if missing:
        violations.append(Violation(Kind.LOST, None, f"{len(missing)} blobs of documents are missing"))
    return violations


def paid_twice(
    log: Sequence[Embedded],
    committed: Sequence[Committed],
    entries: Iterable[Entry],
    reference: Mapping[str, Outcome],
    *,
    stalls: Sequence[tuple[float, float]],
) -> list[Violation]:
    """No text of a committed slice is embedded again for the same document.

    stalls: when workers or their database stood still or were cut off; whoever does not know yet that its
    lease is lost may finish the one slice that it has at hand. Texts that several files under way have in
    common are left out: it is not known who they were for.
    """
    owners = _owners(reference)
    under_way = [(entry, sha256, *span) for entry, sha256, span in _ingestions(entries)]
    progress = _Progress(committed)
    late: Counter[tuple[str, str]] = Counter()
    prompt: Counter[tuple[str, str]] = Counter()
    for embedded in log:
        holders = owners.get(embedded.text) or owners.get(_without_context(embedded.text), {})
        candidates = [
            (entry, sha256)
            for entry, sha256, begun, ended in under_way
            if sha256 in holders and begun <= embedded.at <= ended
        ]
        if len(candidates) != 1:
            continue
        entry, sha256 = candidates[0]
        since = progress.committed_at(entry.document_id, sha256, chunks=holders[sha256] + 1)
        if since is None or since >= embedded.at or entry.paid_anew > since:
            continue
        stood = sum(max(0.0, min(end, embedded.at) - max(start, since)) for start, end in stalls)
        is_late = embedded.at - since - stood > STALE_SECONDS
        (late if is_late else prompt)[entry.document_id, sha256] += 1
    violations = [
        Violation(Kind.PAID_TWICE, document_id, f"{count} texts of slices committed long before")
        for (document_id, _), count in late.items()
    ]
    for entry, sha256, begun, ended in under_way:
        stalled = sum(1 for start, end in stalls if start <= ended and end >= begun)
        count = prompt[entry.document_id, sha256]
        if count > SLICE_CHUNKS * (1 + stalled):
            violations.append(Violation(Kind.PAID_TWICE, entry.document_id, f"{count} texts of two workers"))
    return violations


def _without_context(text: str) -> str:
    """A chunk's text out of what was embedded of it; there is no blank line in its context."""
    return text.partition("\n\n")[2]


def _owners(reference: Mapping[str, Outcome]) -> Mapping[str, Mapping[str, int]]:
    """For each text the files that have it, and the last place where: all before it may need it, too."""
    owners: dict[str, dict[str, int]] = defaultdict(dict)
    for sha256, outcome in reference.items():
        for passage in outcome.passages:
            owners[passage.text][sha256] = passage.index
    return owners


def _ingestions(entries: Iterable[Entry]) -> list[tuple[Entry, str, tuple[float, float]]]:
    return [
        (entry, sha256, (span[0], span[1]))
        for entry in entries
        for sha256, span in zip(entry.revisions, entry.spans, strict=True)
    ]


class _Progress:
    """When how many chunks had been committed."""

    def __init__(self, committed: Sequence[Committed]) -> None:
        self._steps: dict[tuple[str, str], tuple[list[int], list[float]]] = {}
        for step in committed:
            chunks, times = self._steps.setdefault((step.document_id, step.sha256), ([], []))
            # Only steps forward: what was thrown away is not looked for again.
            if not chunks or step.chunks > chunks[-1]:
                chunks.append(step.chunks)
                times.append(step.at)

    def committed_at(self, document_id: str, sha256: str, *, chunks: int) -> float | None:
        """Since when the first `chunks` were there, or None if they were not seen."""
        counts, times = self._steps.get((document_id, sha256), ([], []))
        place = bisect_right(counts, chunks - 1)
        return times[place] if place < len(times) else None
