"""What the API process loads before it serves: it is most of the time that a start takes."""

from __future__ import annotations

import subprocess
import sys

#: Of no use to a server of questions with the mock embedder, without a model and a reranker of one.
HEAVY = (
    "citewell.memory",
    "citewell.testing",
    "fastembed",
    "httpx",
    "jinja2",
    "litestar.testing",
    "numpy",
    "onnxruntime",
    "openai",
    "pymupdf",
    "pytest",
    "tokenizers",
)
_PROGRAM = """
import sys
from pathlib import Path
from pydantic import SecretStr
from citewell_entrypoints.cli.webserver import ApiServer
from citewell_entrypoints.settings import Settings

url = SecretStr("postgresql://nobody@127.0.0.1:1/none")
settings = Settings(
    _env_file=None, data_dir=Path(sys.argv[1]), embeddings_backend="mock", database_url=url,
    redis_url=SecretStr("redis://127.0.0.1:1/0"),
)
ApiServer(settings, stop_seconds=1)
late = set(sys.argv[2:]) & set(sys.modules)
before = set(sys.modules)
from citewell_entrypoints.container import HttpContainer
HttpContainer(settings=settings).answer_question()
print(sorted(late), sorted(set(sys.modules) - before))
"""


def test_the_api_loads_nothing_heavy_that_it_does_not_need(tmp_path: object) -> None:
    """And all that a question needs is there before the first one comes."""
    command = [sys.executable, "-c", _PROGRAM, str(tmp_path), *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"
