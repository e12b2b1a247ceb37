"""`citewell migrate` on a real database."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.conftest import NewDatabase

from citewell_entrypoints.cli.root import root
from citewell_migrations import carried_migrations


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without a .env and without data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("APP_DATABASE_URL", raising=False)


def migrate(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(root, ["migrate", *arguments])


async def test_what_is_applied_is_printed_once(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run names each migration, the second has nothing to do; the status says before and after."""
    monkeypatch.setenv("APP_DATABASE_URL", await new_database())
    names = [str(migration) for migration in carried_migrations()]
    before = migrate("--status")
    assert before.exit_code == 1
    assert [line.split() for line in before.stdout.splitlines()[1:]] == [[name, "pending"] for name in names]
    first = migrate()
    assert (first.exit_code, first.stdout.splitlines()) == (0, [f"applied {name}" for name in names])
    again = migrate()
    assert (again.exit_code, again.stdout) == (0, "The schema is up to date.\n")
    after = migrate("--status")
    assert after.exit_code == 0
    assert [line.split()[0] for line in after.stdout.splitlines()[1:]] == names
    assert "pending" not in after.stdout


async def test_a_schema_of_a_newer_release_is_told_in_one_line(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runner's own refusals end with exit code 1 and their sentence."""
    import psycopg

    url = await new_database()
    monkeypatch.setenv("APP_DATABASE_URL", url)
    assert migrate().exit_code == 0
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("INSERT INTO citewell_migrations VALUES (9999, 'of_tomorrow', '00')")
    result = migrate()
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the database has migration 9999_of_tomorrow")
    assert len(result.stderr.splitlines()) == 1


def test_a_database_that_is_away_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the address; the password is not in it."""
    monkeypatch.setenv("APP_DATABASE_URL", "postgresql://ann:secret@127.0.0.1:9/citewell")
    result = migrate()
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: postgresql://ann@127.0.0.1:9/citewell: ")
    assert "secret" not in result.stderr


@pytest.mark.parametrize("command", ["migrate", "worker", "api"])
def test_without_engines_it_is_said_what_to_set(command: str) -> None:
    """No URL and no running `citewell serve`: one line, exit code 2, as for other settings."""
    result = CliRunner().invoke(root, [command])
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: APP_DATABASE_URL")
    assert "or start `citewell serve`" in result.stderr
    assert len(result.stderr.splitlines()) == 1
