"""Fixtures of several contract tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.s3_stub import S3Stub


@pytest_asyncio.fixture
async def s3_stub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[S3Stub]:
    """An empty bucket of any name, which the environment leads to."""
    async with S3Stub() as stub:
        for name, value in stub.environment.items():
            monkeypatch.setenv(name, value)
        yield stub
