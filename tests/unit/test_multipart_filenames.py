"""File names from forms, and into headers."""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell_entrypoints.http.filenames import clean_filename, content_disposition


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("Bericht über Größe.pdf", "Bericht über Größe.pdf"),
        ("отчёт.pdf", "отчёт.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("a\x00b\x1f\x7f\n.txt", "ab.txt"),
        ("fdp.\u202eexe", "fdp.exe"),
        ("  spaced.txt  ", "spaced.txt"),
        ("", "unnamed"),
        (None, "unnamed"),
        ("..", "unnamed"),
        ("folder/", "unnamed"),
        ("\x00\x01", "unnamed"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ("x" * 300, "x" * 255),
        ("." + "y" * 300, "." + "y" * 254),
    ],
)
def test_a_file_name_is_made_fit_to_be_seen(given_name: str | None, expected: str) -> None:
    """The last part of the path, without control characters, at most 255 characters."""
    assert clean_filename(given_name) == expected


@given(st.text())
def test_any_text_gives_a_name(text: str) -> None:
    """Never empty, never a path, never longer than 255 characters, and clean once it is clean."""
    name = clean_filename(text)
    assert 1 <= len(name) <= 255
    assert not set(name) & {"/", "\\", "\0", "\n", "\r"}
    assert clean_filename(name) == name


@given(st.text(min_size=1))
def test_a_header_carries_every_name(text: str) -> None:
    """Both forms are one line of ASCII, and the second gives the name back."""
    name = clean_filename(text)
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert unquote(header.split("filename*=UTF-8''")[1]) == name
    message = Message()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
