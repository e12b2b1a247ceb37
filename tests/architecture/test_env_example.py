"""`.env.example`: every setting, as it is."""

from __future__ import annotations

import os
import typing
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from tests.architecture.sources import ROOT

from citewell_entrypoints.settings import PREFIX, Settings, load_settings

EXAMPLE = ROOT / ".env.example"
MARK = f"# {PREFIX}"


def test_every_setting_is_listed_with_its_description_and_default() -> None:
    """One comment and one commented-out line per setting, in the order of the class."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    listed = [f"{above}\n{line}" for above, line in pairwise(lines) if line.startswith(MARK)]
    assert listed == [entry(name, field) for name, field in Settings.model_fields.items()]


def test_nothing_is_set_before_a_line_is_uncommented() -> None:
    """A mere copy of the file changes nothing."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_the_example_uncommented_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line can be taken as it stands: with all of them, the settings are those of no file at all."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    without_file = load_settings()
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    uncommented = [line.removeprefix("# ") for line in lines if line.startswith(MARK)]
    Path(".env").write_text("\n".join(uncommented), encoding="utf-8")
    assert load_settings() == without_file


def entry(name: str, field: FieldInfo) -> str:
    """The two lines of one setting."""
    choices = [str(choice) for choice in typing.get_args(field.annotation) if isinstance(choice, str)]
    allowed = f" ({' | '.join(choices)})" if choices else ""
    default = "" if field.default is None else field.default
    assert not isinstance(default, SecretStr), "a default that is a secret is none"
    return f"# {field.description}{allowed}\n{MARK}{name.upper()}={default}"
