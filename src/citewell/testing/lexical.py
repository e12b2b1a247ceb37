"""The contracts of LexicalEncoder and LexicalStore."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from citewell.chunking import in_context
from citewell.lexical import TERM_SPACE, WordEncoder, rarest
from citewell.lexical import inverse_document_frequency as idf
from citewell.lexical import term_weights as weights
from citewell.model import Candidates, ChunkRef, EmbeddedChunk, Publication, Scope
from citewell.ports import LexicalEncoder, LexicalStore, VectorStore
from citewell.testing.stores import CONTRACT_SPACE, chunk, unit_vector
from citewell.testing.vectors import NewPublication, published, random_vector

__all__ = ["LexicalEncoderContract", "LexicalStoreContract"]

#: Stores may keep weights in single precision.
_TOLERANCE = 1e-4

_EVERYTHING = Scope()
_ZIPF = [1 / (rank + 1) for rank in range(40)]


def words_of(*terms: int) -> list[list[int]]:
    """A question of these words, each of one term."""
    return [[term] for term in terms]


def by_words(found: Candidates) -> list[tuple[ChunkRef, float]]:
    """What the words brought, best first."""
    hits = [(each.ref, each.bm25) for each in found.items if each.bm25 is not None]
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def with_terms(index: int, terms: Mapping[int, int] | None) -> EmbeddedChunk:
    """A chunk in which the terms occur so often."""
    return replace(chunk(index), terms=terms)


def random_terms(numbers: random.Random) -> dict[int, int]:
    """Some terms below 40, the first of them in most chunks."""
    terms = numbers.choices(range(40), weights=_ZIPF, k=numbers.randint(1, 60))
    return {term: terms.count(term) for term in terms}


class LexicalEncoderContract:
    """Override `encoder`."""

    @pytest.fixture
    def encoder(self) -> LexicalEncoder:
        raise NotImplementedError("override the fixture encoder")

    @pytest.mark.parametrize(
        "text", ["", "Fährt die Fähre?", "हिन्दी में शब्द 東京都 HTTP/2 \U0001f989 \0", "a" * 300]
    )
    def test_terms_are_numbers_of_the_space(self, encoder: LexicalEncoder, text: str) -> None:
        """Terms, as numbers from 0 below 1,000,000,000."""
        terms = [*encoder.passage(text), *(term for word in encoder.question(text) for term in word)]
        assert all(0 <= term < TERM_SPACE for term in terms)
        assert all(count > 0 for count in encoder.passage(text).values())

    def test_the_same_text_gives_the_same_terms(self, encoder: LexicalEncoder) -> None:
        """It is a pure function of the text."""
        text = "The ferry leaves at nine, not at ten."
        assert encoder.passage(text) == encoder.passage(text)
        assert encoder.question(text) == encoder.question(text)

    @pytest.mark.parametrize(
        ("word", "passage"),
        [
            ("ferry", "The ferry leaves at nine."),
            ("Fähre", "Die Fähre fährt um neun, und das jeden Tag."),
            ("error_code_42", "It ends with error_code_42 and no other."),
            ("HTTP/2", "Servers speak HTTP/2 today."),
            ("AB-12/3", "Order part AB-12/3 with the others."),
            ("東京", "私は東京に住んでいます。"),
            ("विद्यालय", "यह विद्यालय बहुत पुराना है।"),
            ("المدرسة", "ذهب الولد إلى المدرسة في الصباح."),
            ("1234", "A profit of 1,234 thousand was made."),
        ],
    )
    def test_a_word_is_found_where_it_is(self, encoder: LexicalEncoder, word: str, passage: str) -> None:
        """A word that is asked for is among the terms of a passage that contains it."""
        terms = encoder.passage(passage)
        question = encoder.question(word)
        assert question
        assert all(any(term in terms for term in meanings) for meanings in question)

    @pytest.mark.parametrize(
        "text",
        ["", "The ferry leaves at nine, and the ferries come at ten.", "東京の渡船 HTTP/2, error_code_42"],
    )
    def test_a_sequence_is_the_passage_in_its_order(self, encoder: LexicalEncoder, text: str) -> None:
        """The terms of the passage in the order of its words. Counted, they are what `passage` says."""
        terms = [term for term in encoder.sequence(text) if term is not None]
        assert {term: terms.count(term) for term in terms} == dict(encoder.passage(text))
        one, other = ([*encoder.sequence(word)] for word in ("harbour", "lighthouse"))
        assert [*encoder.sequence("harbour lighthouse harbour")] == [*one, *other, *one]

    def test_no_term_is_in_two_words(self, encoder: LexicalEncoder) -> None:
        """No word is without terms, and no term is in two words."""
        question = encoder.question("Ferry, ferries and FERRY: new news of the new ferries at 9 and HTTP/2")
        assert all(question)
        terms = [term for word in question for term in word]
        assert len(terms) == len(set(terms))


@pytest.mark.asyncio
class LexicalStoreContract:
    """Override `lexical` and `vectors` with an empty store of CONTRACT_SPACE, both sides of it.

    Override `new_publication` if documents and revisions must exist before they have chunks.
    """

    @pytest.fixture
    def lexical(self) -> LexicalStore:
        raise NotImplementedError("override the fixture lexical")

    @pytest.fixture
    def vectors(self) -> VectorStore:
        raise NotImplementedError("override the fixture vectors")

    @pytest.fixture
    def new_publication(self) -> NewPublication:
        raise NotImplementedError("override the fixture new_publication")

    async def test_an_empty_store_has_no_candidates(self, lexical: LexicalStore) -> None:
        """Nothing is live."""
        found = await lexical.candidates(unit_vector(0), words_of(1), k=5, scope=_EVERYTHING)
        assert found == Candidates((), 0.0)

    async def test_chunks_are_found_once_they_are_published(
        self, lexical: LexicalStore, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Finds the same live chunks by their terms."""
        publication = await new_publication()
        await vectors.stage(publication, [with_terms(0, {7: 1}), with_terms(1, {8: 2})])
        assert not (await lexical.candidates(None, words_of(7), k=5, scope=_EVERYTHING)).items
        await vectors.publish(publication)
        for scope in (_EVERYTHING, Scope("default"), Scope(document_ids=(publication.document_id,))):
            [found] = (await lexical.candidates(None, words_of(7), k=5, scope=scope)).items
            assert found.ref == ChunkRef(publication.document_id, 0)
            assert (found.revision_id, found.similarity) == (publication.revision_id, None)
        await vectors.delete(publication.document_id)
        assert not (await lexical.candidates(None, words_of(7), k=5, scope=_EVERYTHING)).items

    @pytest.mark.parametrize("seed", range(3))
    async def test_the_best_by_bm25_are_found(
        self, lexical: LexicalStore, vectors: VectorStore, new_publication: NewPublication, seed: int
    ) -> None:
        """The `k` best by BM25; a word is in a chunk that has one of its terms."""
        numbers = random.Random(seed)  # noqa: S311 - reproducible on purpose
        live: dict[Publication, list[EmbeddedChunk]] = {}
        former: Publication | None = None
        for collection in ("one", "two", "one", "one"):
            chunks = [with_terms(n, random_terms(numbers)) for n in range(numbers.randint(1, 20))]
            publication = await published(vectors, await new_publication(collection=collection), chunks)
            live[publication] = chunks
            former = former or publication
        assert former is not None
        del live[former]
        again = [with_terms(n, random_terms(numbers)) for n in range(9)]
        live[await published(vectors, await new_publication(replacing=former), again)] = again
        ids = tuple(publication.document_id for publication in live)
        for scope in (
            _EVERYTHING,
            Scope("one"),
            Scope("two"),
            Scope("one", ids[1:]),
            Scope(document_ids=ids[:1]),
        ):
            question = [[term, term + 100] for term in numbers.sample(range(45), 6)]
            expected = expected_scores(live, question, scope=scope)
            for k in (1, 10, 100):
                hits = by_words(await lexical.candidates(None, question, k=k, scope=scope))
                best = sorted(expected.values(), reverse=True)[:k]
                assert [score for _, score in hits] == pytest.approx(best, rel=_TOLERANCE)
                assert [expected[ref] for ref, _ in hits] == pytest.approx(best, rel=_TOLERANCE)

    async def test_both_legs_come_together(
        self, lexical: LexicalStore, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """The `k` live chunks nearest to `vector`, and the `k` best by BM25, of one and the same moment."""
        numbers = random.Random(5)  # noqa: S311 - reproducible on purpose
        chunks = [
            replace(with_terms(n, random_terms(numbers)), vector=random_vector(numbers)) for n in range(30)
        ]
        publication = await published(vectors, await new_publication(), chunks)
        vector = random_vector(numbers, dimensions=CONTRACT_SPACE.dimensions)
        for scope in (_EVERYTHING, Scope(document_ids=(publication.document_id,))):
            found = await lexical.candidates(vector, words_of(0, 3, 9), k=5, scope=scope)
            alone = await lexical.candidates(None, words_of(0, 3, 9), k=5, scope=scope)
            near = await lexical.hits([each for each in found.items if each.similarity is not None])
            assert near == list(await vectors.search(vector, k=5, scope=scope))
            assert by_words(found) == by_words(alone)
            assert found.highest_bm25 == alone.highest_bm25 > max(score for _, score in by_words(alone))

    async def test_equal_scores_come_by_chunk_ref(
        self, lexical: LexicalStore, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Equal ones by ChunkRef."""
        publication = await published(
            vectors, await new_publication(), [with_terms(n, {3: 1, 4: 2}) for n in (2, 0, 1)]
        )
        found = await lexical.candidates(None, words_of(3, 4), k=2, scope=_EVERYTHING)
        assert [each.ref for each in found.items] == [
            ChunkRef(publication.document_id, 0),
            ChunkRef(publication.document_id, 1),
        ]

    async def test_candidates_become_hits(
        self, lexical: LexicalStore, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """The chunks of the candidates, in their order; None for one that is live no more."""
        kept = await published(
            vectors, await new_publication(), [with_terms(0, {3: 1}), with_terms(1, {3: 2, 4: 3})]
        )
        replaced = await published(vectors, await new_publication(), [with_terms(0, {3: 1, 5: 9})])
        found = (await lexical.candidates(None, words_of(3), k=5, scope=_EVERYTHING)).items
        candidates = sorted(found, key=lambda each: each.ref, reverse=True)
        candidates[0] = candidates[0]._replace(similarity=0.25)
        await published(vectors, await new_publication(replacing=replaced), [with_terms(0, {3: 1})])
        hits = await lexical.hits(candidates)
        expected = {
            ChunkRef(kept.document_id, 0): (chunk(0).chunk, kept.sha256),
            ChunkRef(kept.document_id, 1): (chunk(1).chunk, kept.sha256),
        }
        assert len(hits) == 3
        for candidate, hit in zip(candidates, hits, strict=True):
            if candidate.ref.document_id == replaced.document_id:
                assert hit is None
            else:
                assert hit is not None
                assert (hit.chunk, hit.sha256) == expected[candidate.ref]
                assert hit.ref == candidate.ref
                similarity = candidate.similarity
                assert hit.similarity == (-1.0 if similarity is None else similarity)
        assert await lexical.hits([]) == []

    async def test_words_that_are_nowhere_find_nothing(
        self, lexical: LexicalStore, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """A chunk without any of the words is not found."""
        await published(vectors, await new_publication(), [with_terms(0, {3: 1})])
        for question in ([], words_of(4), [[5, 6]]):
            assert not (await lexical.candidates(None, question, k=5, scope=_EVERYTHING)).items

    async def test_chunks_without_terms_get_them_later(
        self, lexical: LexicalStore, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """Give the chunks of one live revision their terms, if they were staged without."""
        encoder = WordEncoder()
        publication = await new_publication()
        await vectors.stage(publication, [chunk(n, text=f"ferry {n}") for n in range(3)])
        assert await lexical.encode(encoder) == 0
        await vectors.publish(publication)
        question = encoder.question("ferry")
        assert not (await lexical.candidates(None, question, k=5, scope=_EVERYTHING)).items
        assert await lexical.encode(encoder) == 3
        assert await lexical.encode(encoder) == 0
        found = await lexical.candidates(None, question, k=5, scope=_EVERYTHING)
        assert [each.ref.chunk_index for each in found.items] == [0, 1, 2]

    async def test_terms_that_come_later_are_those_of_the_context_too(
        self, lexical: LexicalStore, vectors: VectorStore, new_publication: NewPublication
    ) -> None:
        """They are those of the chunk in its context, as the ingestion gives them."""
        encoder = WordEncoder()
        one, other = await new_publication(), await new_publication()
        bare = chunk(0, text="It leaves at nine.")
        headed = replace(bare, chunk=replace(bare.chunk, heading_path=("Timetable of ferries",)))
        text = in_context(
            "It leaves at nine.", name=one.document_name, heading_path=("Timetable of ferries",)
        )
        await published(vectors, one, [headed])
        await published(vectors, other, [replace(headed, terms=encoder.passage(text))])
        assert await lexical.encode(encoder) == 1
        for question in ("nine", "timetable", one.document_name):
            found = await lexical.candidates(None, encoder.question(question), k=5, scope=_EVERYTHING)
            assert len({bm25 for _, bm25 in by_words(found)}) == 1
            assert len(found.items) == 2


def expected_scores(
    live: Mapping[Publication, Sequence[EmbeddedChunk]], question: Sequence[Sequence[int]], *, scope: Scope
) -> dict[ChunkRef, float]:
    """BM25 by the book, of each chunk in the scope that has a word of the question."""
    inside = {
        publication: chunks
        for publication, chunks in live.items()
        if scope.collection in {None, publication.collection}
        and (scope.document_ids is None or publication.document_id in scope.document_ids)
    }
    collections = {publication.collection for publication in inside}
    counted = [each for p, chunks in live.items() if p.collection in collections for each in chunks]
    frequencies = [sum(not set(word).isdisjoint(each.terms or ()) for each in counted) for word in question]
    assert len(rarest(frequencies)) == sum(frequency > 0 for frequency in frequencies)
    scores = {
        ChunkRef(publication.document_id, each.chunk.index): sum(
            idf(frequency, total=len(counted)) * sum(weights(each.terms or {}).get(term, 0) for term in word)
            for word, frequency in zip(question, frequencies, strict=True)
        )
        for publication, chunks in inside.items()
        for each in chunks
    }
    return {ref: score for ref, score in scores.items() if score}
