"""`citewell spaces` and `citewell reembed` on a real database."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.conftest import MigratedDatabase
from tests.pgstores import rows
from tests.processes import Process, process, settings_on

from citewell_adapters.pgvector import PgDatabase
from citewell_entrypoints.cli.root import root

TEXTS = (
    "The ferry leaves the harbour at nine.",
    "The museum is closed on Mondays.",
    "Bread is baked at dawn.",
)


async def citewell(*arguments: str, answer: str | None = None) -> Result:
    """Run the command, whose loop is its own."""
    return await asyncio.to_thread(CliRunner().invoke, root, arguments, input=answer)


@pytest.fixture
async def running(
    migrated_database: MigratedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Process]:
    """A process on a database that the commands' settings name, with three documents."""
    monkeypatch.chdir(tmp_path)
    url = await migrated_database()
    for name, value in {"DATABASE_URL": url, "EMBEDDINGS_BACKEND": "mock", "EMBEDDINGS_DIM": "64"}.items():
        monkeypatch.setenv(f"APP_{name}", value)
    async with process(settings_on(url, tmp_path)) as opened:
        for text in TEXTS:
            await opened.add(text)
        yield opened


async def listed() -> list[tuple[int, int, bool, int]]:
    """Id, dimensions, whether it is active, and vectors of each space."""
    result = await citewell("spaces", "--json")
    assert result.exit_code == 0, result.output
    spaces = json.loads(result.stdout)
    return [(each["id"], each["dimensions"], each["active"], each["vectors"]) for each in spaces]


async def test_a_model_is_changed_and_changed_back(running: Process) -> None:
    """Built and compared first, then activated, then back by the id; a former one is dropped."""
    [(first, *_)] = await listed()
    built = await citewell("reembed", "--to", "mock", "--dimensions", "32")
    assert built.exit_code == 0, built.output
    assert "embedded 3 texts" in built.stdout
    assert "they share 100 %" in built.stdout
    [_, (second, *_)] = await listed()
    assert f"citewell reembed --to {second} --activate" in built.stdout
    assert await listed() == [(first, 64, True, 3), (second, 32, False, 3)]
    activated = await citewell("reembed", "--to", str(second), "--sample", "0", "--activate")
    assert activated.exit_code == 0, activated.output
    assert "embedded 0 texts" in activated.stdout
    assert "share" not in activated.stdout
    assert (await running.search(TEXTS[0]))[0].chunk.text == TEXTS[0]
    assert running.dimensions == 32
    again = await citewell("reembed", "--to", "mock", "--dimensions", "32")
    assert (again.exit_code, again.stdout) == (0, "mock (32 dimensions) is the active space already.\n")
    back = await citewell("reembed", "--activate")
    assert back.exit_code == 0, back.output
    assert await listed() == [(first, 64, True, 3), (second, 32, False, 3)]
    table = await citewell("spaces")
    assert [line.split()[:4] for line in table.stdout.splitlines()[1:3]] == [
        [str(first), "mock", "64", "mock"],
        [str(second), "mock", "32", "mock"],
    ]
    refused = await citewell("spaces", "drop", str(first), "--yes")
    assert refused.exit_code == 1
    assert "activate another one first" in refused.stderr
    kept = await citewell("spaces", "drop", str(second), answer="n\n")
    assert kept.exit_code == 1
    assert len(await listed()) == 2
    dropped = await citewell("spaces", "drop", str(second), answer="y\n")
    assert dropped.exit_code == 0
    assert await listed() == [(first, 64, True, 3)]


async def test_a_space_is_quantized_if_enough_is_found(running: Process) -> None:
    """Measured first; said with figures, and with the way back."""
    await running.index()
    quantized = await citewell("spaces", "quantize", "1", "--questions", "2")
    assert quantized.exit_code == 0, quantized.output
    assert "recall@10 1.0000 (95 % confidence: 1.0000 to 1.0000), 2 questions" in quantized.stdout
    assert "citewell spaces quantize 1 --off" in quantized.stdout
    assert json.loads((await citewell("spaces", "--json")).stdout)[0]["quantized"] is True
    assert "signs" in (await citewell("spaces")).stdout
    assert (await running.search(TEXTS[0]))[0].chunk.text == TEXTS[0]
    again = await citewell("spaces", "quantize", "1")
    assert (again.exit_code, again.stdout) == (0, "Nothing to do: the space 1 is quantized.\n")
    back = await citewell("spaces", "quantize", "1", "--off")
    assert back.exit_code == 0, back.output
    assert json.loads((await citewell("spaces", "--json")).stdout)[0]["quantized"] is False
    assert (await running.search(TEXTS[1]))[0].chunk.text == TEXTS[1]
    again = await citewell("spaces", "quantize", "1", "--off")
    assert (again.exit_code, again.stdout) == (0, "Nothing to do: the space 1 is not quantized.\n")


# All have the same signs.
_ALL_POSITIVE = """
WITH document AS (
    SELECT d.collection_id, d.id, d.live_revision_id AS revision_id FROM documents AS d LIMIT 1
), added AS (
    INSERT INTO chunks (revision_id, chunk_index, span_start, span_end, first_page, last_page, token_count,
        heading_path, text)
    SELECT revision_id, n, n, n + 1, 1, 1, 1, '{}', 'The ferry number ' || n || ' leaves at dawn.'
    FROM document, generate_series(1, 2000) AS n
)
INSERT INTO vectors_1 (collection_id, document_id, revision_id, chunk_index, embedding)
SELECT collection_id, id, revision_id, n, (
    SELECT array_agg(0.01 + random()) FROM generate_series(1, 64) WHERE n > 0
)::halfvec
FROM document, generate_series(1, 2000) AS n
RETURNING 1
"""


async def test_a_space_whose_signs_tell_too_little_stays_as_it_is(running: Process) -> None:
    """Exit code 1, the figures, and the index that it had; below another floor it may be."""
    await running.index()
    async with PgDatabase(os.environ["APP_DATABASE_URL"]) as database:
        await rows(database, _ALL_POSITIVE)
        refused = await citewell("spaces", "quantize", "1", "--questions", "20")
        assert refused.exit_code == 1
        assert "recall@10 0." in refused.stdout
        assert "this is below 0.95: the space 1 keeps the index that it had" in refused.stderr
        query = "SELECT indexname FROM pg_indexes WHERE tablename = 'vectors_1'"
        assert set(await rows(database, query)) == {("vectors_1_pkey",), ("vectors_1_hnsw",)}
        assert json.loads((await citewell("spaces", "--json")).stdout)[0]["quantized"] is False
        lower = await citewell("spaces", "quantize", "1", "--questions", "20", "--floor", "0")
        assert lower.exit_code == 0, lower.output
        assert set(await rows(database, query)) == {("vectors_1_pkey",), ("vectors_1_binary",)}


async def test_nothing_is_quantized_unmeasured(running: Process) -> None:
    """What waits for the index says nothing about it."""
    refused = await citewell("spaces", "quantize", "1")
    assert refused.exit_code == 1
    assert "nothing can be measured" in refused.stderr
    assert json.loads((await citewell("spaces", "--json")).stdout)[0]["quantized"] is False


async def test_judgements_are_asked_of_both_spaces(running: Process, tmp_path: Path) -> None:
    """nDCG@10 by meaning and of both legs; documents are named by their names or ids."""
    queries, qrels = tmp_path / "queries.jsonl", tmp_path / "qrels.tsv"
    documents = await running.api.documents().list(limit=10)
    queries.write_text("\n".join(json.dumps({"_id": f"q{n}", "text": text}) for n, text in enumerate(TEXTS)))
    named = (documents[0].name, str(documents[1].id), "of-somewhere-else")
    lines = [f"q{n}\t{name}\t1" for n, name in enumerate(named)]
    qrels.write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]))
    given = ("--queries", str(queries), "--qrels", str(qrels))
    result = await citewell("reembed", "--dimensions", "32", *given)
    assert result.exit_code == 0, result.output
    assert "over 2 questions" in result.stdout
    figures = {line.split()[0]: line.split()[1:3] for line in result.stdout.splitlines() if "0/0/2" in line}
    assert figures == {"dense": ["1.000", "1.000"], "hybrid": ["1.000", "1.000"]}
    qrels.write_text("q0\tof-somewhere-else\t1\n")
    nothing = await citewell("reembed", "--dimensions", "32", *given)
    assert nothing.exit_code == 1
    assert "no question that a stored document is relevant to" in nothing.stderr


async def test_wrong_use_is_told(running: Process, tmp_path: Path) -> None:
    """In one line, with what to do."""
    qrels = tmp_path / "qrels.tsv"
    qrels.write_text("")
    for arguments, said in (
        (("reembed", "--qrels", str(qrels)), "give both"),
        (("reembed", "--to", "1", "--model", "x"), "leave --model"),
        (("reembed", "--to", "frobnicate"), "neither local, mock, openai nor the id"),
        (("reembed", "--to", "99"), "neither local, mock, openai nor the id"),
        (("spaces", "drop"), "say which space"),
        (("spaces", "drop", "99", "--yes"), "there is no embedding space 99"),
        (("spaces", "quantize"), "citewell spaces quantize ID"),
        (("spaces", "quantize", "99"), "there is no embedding space 99"),
    ):
        result = await citewell(*arguments)
        assert result.exit_code != 0
        assert said in result.stderr, arguments
