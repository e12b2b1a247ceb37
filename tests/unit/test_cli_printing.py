"""Text that the command line prints."""

from __future__ import annotations

import re

import pytest

from citewell_entrypoints.cli.printing import counted, print_table, printable, reflowed, wrapped
from citewell_entrypoints.cli.redaction import redacted, shown_url


def test_control_characters_are_not_printed() -> None:
    """Escape sequences, carriage returns and overrides of direction become spaces; line feeds stay."""
    assert printable("a\x1b[31mb\rc\nd\u202ee\x9bf") == "a [31mb c\nd e f"


def test_letters_of_all_scripts_are_printed() -> None:
    """Joiners and soft hyphens belong to words."""
    text = "नमस्ते می‌خواهم ac\u00adtion 日本語 👩‍💻"
    assert printable(text) == text


def test_text_is_wrapped_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider than the terminal, none of the words is lost."""
    monkeypatch.setenv("COLUMNS", "60")
    text = "The lamp on the north mole shows two white flashes every twelve seconds. " * 5
    lines = wrapped(text, indent="    ").splitlines()
    assert max(map(len, lines)) <= 60
    assert all(line.startswith("    ") for line in lines)
    assert " ".join(lines).split() == text.split()


def test_wide_characters_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of a script without spaces and with wide characters fit too."""
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, wrapped("灯台守の手引き" * 30).splitlines())) <= 30


def test_empty_text_is_empty() -> None:
    """There is nothing to wrap."""
    assert wrapped("") == ""


@pytest.mark.parametrize(("number", "text"), [(0, "0 pages"), (1, "1 page"), (1234, "1,234 pages")])
def test_nouns_follow_their_number(number: int, text: str) -> None:
    """One page, two pages."""
    assert counted(number, "page") == text


def test_a_table_without_a_terminal_is_plain(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No control codes, no lines, no spaces at the ends, at most 80 columns; long cells go on below."""
    monkeypatch.setenv("COLUMNS", "80")
    reason = "The file is damaged: no page of it could be read, not one. " * 2
    print_table(("file", "code", "reason"), [("a\x1b\nb.pdf", "unreadable", reason)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "file     code        reason"
    assert lines[1].startswith("a b.pdf  unreadable  The file is damaged")
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)


def test_the_lines_of_a_page_become_paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that was broken for the page's width goes on; a list, a heading and an empty line break."""
    monkeypatch.setenv("COLUMNS", "80")
    text = "# Title\nThe FAA\nwill consider\n- one\n- two\n\n2. Next\nline"
    assert reflowed(text).splitlines() == ["# Title The FAA will consider", "- one", "- two", "2. Next line"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:secret@db:5432/citewell?sslmode=require", "postgresql://ann@db:5432/citewell"),
        ("redis://:secret@queue:6379/0", "redis://queue:6379/0"),
        ("postgresql://postgres@/citewell?host=%2Frun", "postgresql://postgres@/citewell"),
        ("host=db password=secret", "an address that is no URL"),
        ("postgresql://ann:secret@[db", "an address that cannot be read"),
        ("postgresql://ann:12/secret@db/x", "an address that cannot be read"),
        ("postgresql://ann:12#secret@db/x", "an address that cannot be read"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    """Password and parameters stay out."""
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("message", "url"),
    [
        ('invalid dsn: missing "=" after "postgresql:/ann:secret@db"', "postgresql:/ann:secret@db"),
        ('password authentication failed for "secret"', "postgresql://ann:secret@db/x"),
        ("invalid connection option: postgresql://ann:secret@db/x", "postgresql://ann:secret@db/x"),
        ("bad port in ann:secret@[db", "postgresql://ann:secret@[db"),
        ("no host in s%cret", "postgresql://ann:s%25cret@db"),
        ('missing "=" after "secret"', "host=db password=secret"),
    ],
)
def test_a_message_does_not_give_the_secret_away(message: str, url: str) -> None:
    """However a driver quotes the address."""
    assert not re.search(r"s[e%]cret", redacted(message, url=url))
