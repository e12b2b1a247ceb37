"""What the environment may say, and what is said of what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from citewell_entrypoints.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No setting of whoever runs the tests, and no `.env` of theirs."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"APP_{name.upper()}", raising=False)
    return monkeypatch


def test_without_any_setting_it_is_the_embedded_local_one() -> None:
    """One command, no key: loopback, embedded engines, the local model, no language model."""
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.embedded_database
    assert settings.embedded_queue
    assert (settings.embeddings_backend, settings.llm_backend) == ("local", "disabled")


def test_a_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file `.env` in the working directory serves as well."""
    (tmp_path / ".env").write_text("APP_PORT=8100\nAPP_HOST=0.0.0.0\nOTHER=1\n")
    monkeypatch.setenv("APP_PORT", "8200")
    settings = load_settings()
    assert (settings.host, settings.port) == ("0.0.0.0", 8200)  # noqa: S104 - read, not bound


def test_an_empty_value_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an example file can list every name."""
    monkeypatch.setenv("APP_PORT", "")
    monkeypatch.setenv("APP_DATABASE_URL", "")
    assert load_settings() == Settings()


def test_a_line_feed_at_the_end_is_no_part_of_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `$(cat file)` in a quoted variable, or a secret that is mounted, has it."""
    monkeypatch.setenv("APP_OPENAI_BASE_URL", "http://127.0.0.1:9/v1\n")
    monkeypatch.setenv("APP_OPENAI_API_KEY", " key\n")
    settings = load_settings()
    assert settings.openai_base_url == "http://127.0.0.1:9/v1"
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "key"


def test_every_unknown_or_wrong_setting_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Unknown names, in the file too, and bad values stop the start."""
    (tmp_path / ".env").write_text("APP_COLOUR=red\n")
    monkeypatch.setenv("APP_PROT", "8000")
    monkeypatch.setenv("APP_PORT", "99999")
    monkeypatch.setenv("APP_WORKERS", "many")
    with pytest.raises(SettingsError) as error:
        load_settings()
    names = [line.split(":")[0] for line in str(error.value).splitlines()]
    assert names == ["APP_COLOUR", "APP_PROT", "APP_PORT", "APP_WORKERS"]


@pytest.mark.parametrize("name", ["APP_DATABASE_URL", "APP_REDIS_URL", "APP_BLOB_URL"])
def test_a_wrong_url_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Secrets never show in errors."""
    monkeypatch.setenv(name, "mysql://user:hunter2@host/db")
    with pytest.raises(SettingsError, match=name) as error:
        load_settings()
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in repr nor in str."""
    monkeypatch.setenv("APP_OPENAI_API_KEY", "sk-hunter2")
    monkeypatch.setenv("APP_DATABASE_URL", "postgresql://user:hunter2@host/db")
    settings = load_settings()
    assert "hunter2" not in f"{settings!r} {settings}"


def test_the_home_folder_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` in a path is the home folder."""
    monkeypatch.setenv("APP_DATA_DIR", "~/citewell")
    assert load_settings().data_dir == Path.home() / "citewell"
