"""What `citewell --help` says, and how quickly."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

import citewell_entrypoints.cli.commands
from citewell_entrypoints.cli.helptext import Command
from citewell_entrypoints.cli.root import COMMANDS, root

HEAVY = (
    "asyncio",
    "dramatiq",
    "httpx",
    "litestar",
    "openai",
    "psycopg",
    "pydantic",
    "pymupdf",
    "redis",
    "rich",
    "uvicorn",
)
CLI = (sys.executable, "-m", "citewell_entrypoints.cli")


def test_help_imports_nothing_that_is_slow() -> None:
    """The list of commands is printed without the packages behind them."""
    program = (
        "import sys\n"
        "sys.argv = ['citewell', '--help']\n"
        "from citewell_entrypoints.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Commands" in done.stdout
    assert done.stderr.split() == []


def test_help_is_quick() -> None:
    """Far above what it takes on an idle machine, far below what importing the server takes on a busy one."""
    began = time.monotonic()
    subprocess.run([*CLI, "--help"], capture_output=True, check=True)
    assert time.monotonic() - began < 3.0


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples(name: str) -> None:
    """Help has a sentence, the options, and examples, in 80 columns and without control codes."""
    result = CliRunner().invoke(root, [name, "--help"], prog_name="citewell")
    assert result.exit_code == 0
    assert f"Usage: citewell {name}" in result.output
    assert "Examples\n  # " in result.output
    assert "\x1b" not in result.output
    assert max(map(len, result.output.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_a_line_that_the_command_line_takes(name: str) -> None:
    """The examples use the options as they are called."""
    command = root.get_command(root.make_context("citewell", ["serve"]), name)
    assert isinstance(command, Command)
    assert command.examples
    options = {option for parameter in command.params for option in parameter.opts}
    for _, line in command.examples:
        ours = line.partition(f"citewell {name}")[2].partition("|")[0]
        assert f"citewell {name}" in line
        assert {word for word in ours.split() if word.startswith("--")} <= options


def test_every_module_of_commands_is_listed() -> None:
    """A command that is not in the list could not be found."""
    [folder] = citewell_entrypoints.cli.commands.__path__
    assert {path.stem for path in Path(folder).glob("[!_]*.py")} == set(COMMANDS)


def test_the_general_help_fits_80_columns() -> None:
    """So that it is readable everywhere."""
    result = CliRunner().invoke(root, ["--help"], prog_name="citewell")
    assert max(map(len, result.output.splitlines())) <= 80
    assert all(name in result.output for name in COMMANDS)


def test_version_is_that_of_the_package() -> None:
    """`--version` prints name and version."""
    result = CliRunner().invoke(root, ["--version"])
    assert (result.exit_code, result.output) == (0, f"citewell {version('citewell')}\n")


def test_an_unknown_command_is_wrong_use() -> None:
    """Exit code 2, and the way to the help."""
    result = CliRunner().invoke(root, ["frobnicate"])
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_wrong_settings_are_told_in_one_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, no traceback, and the name of each setting that is wrong or unknown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APP_PORT", "eighty")
    monkeypatch.setenv("APP_PROT", "80")
    result = CliRunner().invoke(root, ["query", "anything"])
    lines = result.stderr.splitlines()
    assert result.exit_code == 2
    assert [line.split(": ")[1] for line in lines] == ["APP_PROT", "APP_PORT"]
    assert all(line.startswith("Error: ") for line in lines)


def test_debug_shows_the_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --debug the error itself comes through."""
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [*CLI, "--debug", "query", "x", "--url", "http://127.0.0.1:9"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "NoServer" in done.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`citewell … | head -1` ends without a traceback."""
    with subprocess.Popen([*CLI, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_the_library_alone_says_what_its_command_line_needs() -> None:
    """`pip install citewell` brings the script without the packages behind it."""
    program = "import sys\nsys.modules['click'] = None\nfrom citewell_entrypoints.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Error: the package click is missing: run pip install 'citewell[server]'\n"


def test_a_terminal_of_few_letters_gets_those() -> None:
    """What an encoding lacks is replaced, not a traceback."""
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([*CLI, "--help"], env=environment, capture_output=True, text=True, check=True)
    assert "COMMAND ?" in done.stdout
