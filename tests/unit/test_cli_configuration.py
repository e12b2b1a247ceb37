"""Which files, engines and settings a command line means."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from citewell_entrypoints.cli.commands.serve import plan_for
from citewell_entrypoints.cli.configuration import settings_for_engines, settings_with
from citewell_entrypoints.cli.engines import running_engines
from citewell_entrypoints.cli.failures import WrongSettings
from citewell_entrypoints.cli.files import source_files
from citewell_entrypoints.settings import Settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without a .env."""
    monkeypatch.chdir(tmp_path)


def test_options_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that was not given leaves the setting as it is."""
    monkeypatch.setenv("APP_PORT", "8001")
    monkeypatch.setenv("APP_HOST", "localhost")
    settings = settings_with(port=8002, host=None)
    assert (settings.port, settings.host) == (8002, "localhost")


def test_the_data_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that all processes mean the same one; a `~` that no shell expanded is the home folder."""
    assert settings_with().data_dir == tmp_path / ".citewell"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("APP_DATA_DIR", "~/papers")
    assert settings_with().data_dir == tmp_path / "papers"


def test_engines_that_are_set_are_taken() -> None:
    """Nothing is looked for if both URLs are there."""
    settings = Settings(database_url=SecretStr("postgresql://a"), redis_url=SecretStr("redis://b"))
    assert settings_for_engines(settings) is settings


def test_only_what_is_missing_is_asked_for(tmp_path: Path) -> None:
    """The message names the settings that are not there."""
    settings = Settings(database_url=SecretStr("postgresql://a"), data_dir=tmp_path)
    with pytest.raises(WrongSettings, match=r"^APP_REDIS_URL not set"):
        settings_for_engines(settings)
    assert settings_for_engines(settings, queue=False) is settings


def test_a_folder_without_engines_has_none(tmp_path: Path) -> None:
    """Neither a folder that is not there nor one where nothing listens."""
    assert running_engines(tmp_path / "nowhere") == {}
    assert running_engines(tmp_path) == {}
    assert not (tmp_path / "nowhere").exists()


def test_the_plan_is_what_the_settings_say(tmp_path: Path) -> None:
    """Engines without a URL are embedded; the API stops in less time than the supervisor gives it."""
    settings = Settings(
        data_dir=tmp_path / "data", port=8003, workers=3, redis_url=SecretStr("redis://queue")
    )
    plan = plan_for(settings)
    assert (plan.data_directory, plan.port, plan.workers) == (tmp_path / "data", 8003, 3)
    assert (plan.database_url, plan.redis_url) == (None, "redis://queue")
    assert plan.api[0] == sys.executable
    assert plan.api[-3:] == ("api", "--stop-seconds", "2")


def test_files_and_folders_are_taken_in_order_each_once(tmp_path: Path) -> None:
    """Folder by folder in order of names; a file in a named folder that is named too counts as named."""
    for name in ("b.txt", "a/z.txt", "a/b.txt", "a/.hidden", ".git/config"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = source_files([Path(), Path("a/b.txt"), Path("b.txt")])
    assert [(file.shown, file.named) for file in found] == [
        ("b.txt", True),
        ("a/b.txt", True),
        ("a/z.txt", False),
    ]


def test_a_hidden_file_that_is_named_is_taken(tmp_path: Path) -> None:
    """Only what is found in a folder can be hidden; a named hidden folder is searched too."""
    (tmp_path / ".notes").mkdir()
    (tmp_path / ".notes" / "a.txt").write_text("")
    (tmp_path / ".b.txt").write_text("")
    assert [file.shown for file in source_files([Path(".b.txt"), Path(".notes")])] == [
        ".b.txt",
        ".notes/a.txt",
    ]


def test_links_are_followed_to_files_and_not_to_folders(tmp_path: Path) -> None:
    """A link that leads in a circle does no harm; one that leads nowhere is left out."""
    (tmp_path / "real.txt").write_text("")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.txt").symlink_to(tmp_path / "real.txt")
    (folder / "circle").symlink_to(tmp_path)
    (folder / "nowhere.txt").symlink_to(tmp_path / "gone")
    assert [file.shown for file in source_files([Path("folder")])] == ["folder/link.txt"]
