"""`citewell serve` on a data directory of its own, started again at once whenever it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
from tests.chaos.embeddings import DIMENSIONS, EmbeddingsStub
from tests.chaos.targets import Processes
from tests.e2e.serving import free_port

from citewell_entrypoints.supervisor.postgres import PostgresServer

__all__ = ["Stack", "StackLost", "settings"]

_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 15.0
_RESTART_PAUSE_SECONDS: Final = 0.3


class StackLost(Exception):
    """The service did not come back."""


def settings(stub: EmbeddingsStub) -> Mapping[str, str]:
    """Short leases and small slices, so that there is much to interrupt and recovery is fast."""
    return {
        "APP_EMBEDDINGS_BACKEND": "openai",
        "APP_EMBEDDINGS_MODEL": "chaos",
        "APP_EMBEDDINGS_DIM": str(DIMENSIONS),
        "APP_EMBEDDINGS_BATCH_SIZE": "8",
        "APP_OPENAI_BASE_URL": stub.base_url,
        "APP_OPENAI_API_KEY": "none",
        # A process that was frozen is to find all chunks, and not go by words as its time ran out meanwhile.
        "APP_EMBEDDINGS_QUESTION_TIMEOUT_SECONDS": "120",
        "APP_WORKERS": "2",
        "APP_WORKER_NICENESS": "0",
        "APP_JOBS_PER_WORKER": "2",
        "APP_LEASE_SECONDS": "5",
        "APP_TURN_SECONDS": "3",
        "APP_ORPHAN_SECONDS": "5",
        "APP_MAX_ATTEMPTS": "100",
        "APP_DATABASE_POOL_SIZE": "6",
    }


class Stack:
    """Open it with `async with`: it is ready then, and stopped afterwards.

    plant: a folder whose `sitecustomize.py` every Python process of the service imports at its start.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], *, plant: Path | None = None) -> None:
        self._folder = folder
        self._port = free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
        self._environment = {
            **inherited,
            **environment,
            "APP_PORT": str(self._port),
            "APP_DATA_DIR": str(self.data_dir),
            "APP_LOG_FORMAT": "json",
        }
        if plant is not None:
            self._environment["PYTHONPATH"] = str(plant)
        self._process: subprocess.Popen[bytes] | None = None
        #: How often it ended without having been struck itself, and was started again.
        self.gave_up = 0
        self._expected_end: int | None = None

    @property
    def data_dir(self) -> Path:
        """Where all of its data lies."""
        return self._folder / "data"

    @property
    def log(self) -> Path:
        """What all its processes print."""
        return self._folder / "serve.log"

    @property
    def url(self) -> str:
        """The address of the API, the same after each start."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def database_url(self) -> str:
        """The embedded PostgreSQL."""
        return PostgresServer(self.data_dir).url

    @property
    def processes(self) -> Processes:
        """The tree that runs now."""
        assert self._process is not None, "the stack is not open"
        return Processes(self._process.pid)

    def expect_end(self) -> None:
        """The supervisor that runs now is about to be killed."""
        assert self._process is not None, "the stack is not open"
        self._expected_end = self._process.pid

    async def __aenter__(self) -> Self:
        self._start()
        self._keeping = asyncio.create_task(self._keep_running())
        try:
            await self.ready()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeping
        await asyncio.to_thread(self._stop)

    async def ready(self, *, within_seconds: float = _START_SECONDS) -> None:
        """Wait until `/readyz` says so. Raises StackLost."""
        deadline = time.monotonic() + within_seconds
        async with httpx.AsyncClient(base_url=self.url, timeout=5) as client:
            while time.monotonic() < deadline:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get("/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.1)
        raise StackLost(f"not ready within {within_seconds:g} s; the end of its log:\n{self._last_words()}")

    def _start(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "citewell_entrypoints.cli", "serve"],
                env=self._environment,
                cwd=self._folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def _keep_running(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            if self._process is None or self._process.poll() is None:
                continue
            if self._process.pid != self._expected_end:
                self.gave_up += 1
                await asyncio.sleep(_RESTART_PAUSE_SECONDS)
            self._start()

    def _stop(self) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""
