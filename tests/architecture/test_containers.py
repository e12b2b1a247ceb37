"""The image and the compose file, as far as they can be checked without an engine."""

from __future__ import annotations

import re

import pytest
from tests.architecture.sources import PACKAGES, ROOT

from citewell_entrypoints.settings import PREFIX, Settings


@pytest.mark.parametrize("file", ["compose.yaml", "Dockerfile"])
def test_only_known_settings_are_set(file: str) -> None:
    """An unknown name would stop the start."""
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+", read(file)))
    assert named
    assert named <= {PREFIX + name.upper() for name in Settings.model_fields}


def test_the_image_is_built_from_every_package() -> None:
    """Each import root is copied into the build, and not kept out of its context."""
    for folder in PACKAGES.values():
        root = folder.parent.relative_to(ROOT).as_posix()
        assert f"\nCOPY {root} {root}\n" in read("Dockerfile")
        assert f"\n!{root}\n" in read(".dockerignore")


def test_what_the_image_copies_is_in_its_context() -> None:
    """Everything but what is named stays out, and what is named is there."""
    allowed = re.findall(r"^!(.+)$", read(".dockerignore"), re.MULTILINE)
    copied = [
        source
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", read("Dockerfile"), re.MULTILINE)
        for source in sources.split()
    ]
    assert sorted(copied) == sorted(allowed)
    assert all((ROOT / source).exists() for source in copied)


def test_nothing_is_published_to_the_network_by_default() -> None:
    """One port is published, on this machine's own address."""
    published = re.findall(r"^    ports:\n((?:      - .*\n)+)", read("compose.yaml"), re.MULTILINE)
    assert published == ['      - "${CITEWELL_PUBLISH:-127.0.0.1:8000}:8000"\n']


def test_every_service_is_limited_and_checked() -> None:
    """Each has limits of memory, processors and processes, and says how its health is seen."""
    (services,) = re.findall(r"^services:\n(.*?)^volumes:", read("compose.yaml"), re.MULTILINE | re.DOTALL)
    by_name = dict(re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", services, re.MULTILINE))
    assert set(by_name) == {"postgres", "valkey", "migrate", "api", "worker"}
    for service in by_name.values():
        assert re.search(r"limits: \{ cpus: .+, memory: .+, pids: \d+ \}", service)
        assert "healthcheck:" in service


def read(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")
