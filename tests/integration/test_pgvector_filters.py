"""Filters in PostgreSQL mean what they mean in memory, and are served by indexes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.filter_strategies import filters, metadata
from tests.pgstores import cloned_database

from citewell.filtering import matches, parse_filter
from citewell_adapters.pgvector.filtered import all_matching
from citewell_adapters.pgvector.filters import compile_filter

Connection = psycopg.Connection[Any]


@dataclass
class Documents:
    """A collection of documents in PostgreSQL, with their metadata. No two tests share it."""

    connection: Connection
    collection: int

    def put(self, given: Sequence[dict[str, Any]]) -> dict[UUID, dict[str, Any]]:
        """These documents in the place of those before; half of them get their metadata by an update."""
        self.connection.execute("DELETE FROM documents")
        documents = {uuid4(): each for each in given}
        statement = "INSERT INTO documents (id, collection_id, name, metadata) VALUES (%s, %s, 'a', %s)"
        for number, (document_id, each) in enumerate(documents.items()):
            first = each if number % 2 else {"a": ["before", 1, True]}
            self.connection.execute(statement, (document_id, self.collection, json.dumps(first)))
            if not number % 2:
                update = "UPDATE documents SET metadata = %s WHERE id = %s"
                self.connection.execute(update, (json.dumps(each), document_id))
        return documents

    def ids(self, query: str, parameters: dict[str, object]) -> set[UUID]:
        given = {"collection": "filtered", **parameters}
        found = self.connection.execute(query.encode(), given).fetchall()
        assert len({row[0] for row in found}) == len(found)
        return {row[0] for row in found}


@pytest.fixture(scope="module")
def documents(postgres_url: str, migrated_template: str) -> Iterator[Documents]:
    with (
        cloned_database(postgres_url, template=migrated_template) as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute("SET enable_seqscan = off")
        statement = "INSERT INTO collections (name) VALUES ('filtered') RETURNING id"
        row = connection.execute(statement).fetchone()
        assert row is not None
        yield Documents(connection, row[0])


@settings(max_examples=60, deadline=None)
@given(st.lists(metadata, min_size=1, max_size=6), st.lists(filters, min_size=4, max_size=8))
def test_sql_finds_what_the_reference_finds(
    documents: Documents, stored: list[dict[str, Any]], asked: list[dict[str, Any]]
) -> None:
    """Asked of each document, and found from each source."""
    there = documents.put(stored)
    for each in asked:
        condition = parse_filter(each)
        expected = {document_id for document_id, held in there.items() if matches(condition, held)}
        compiled = compile_filter(condition)
        one_by_one = f"SELECT d.id FROM documents AS d WHERE {compiled.matches('d.id')}"  # noqa: S608
        assert documents.ids(one_by_one, compiled.parameters) == expected
        searched = f"{SEARCHED} SELECT document_id FROM ({all_matching(compiled)}) AS found"
        assert documents.ids(searched, compiled.parameters) == expected
        for source in compiled.sources:
            query = f"{FROM_SOURCE} CROSS JOIN LATERAL ({source.query}) AS x"
            found = documents.ids(query, compiled.parameters)
            assert found == expected if source.exact else found >= expected


SEARCHED = "WITH searched AS (SELECT id FROM collections WHERE name = %(collection)s)"
FROM_SOURCE = f"{SEARCHED} SELECT DISTINCT x.document_id FROM searched AS c"
