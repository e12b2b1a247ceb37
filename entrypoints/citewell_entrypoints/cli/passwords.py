"""Passwords from where nobody else sees them: a prompt or a file, never the list of processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any, Final, TypeVar

import click

__all__ = ["password_options", "password_to_use"]

F = TypeVar("F", bound=Callable[..., Any])

_MAX_BYTES: Final = 1_024


def password_options(function: F) -> F:
    """The options `--password` and `--password-file`, as `ask_password` and `password_file`."""
    asked = click.option(
        "--password", "ask_password", is_flag=True,
        help="Ask for a password, which opens every encrypted file among them.",
    )  # fmt: skip
    read = click.option(
        "--password-file", type=click.File("rb"), metavar="FILE",
        help="Read the password from the first line of a file; - is the standard input.",
    )  # fmt: skip
    return asked(read(function))


def password_to_use(*, ask: bool, file: IO[bytes] | None) -> str | None:
    """The password, None if none is wanted. Raises BadParameter if there is none, or it cannot be one."""
    if file is not None and ask:
        raise click.UsageError("--password and --password-file cannot be given together.")
    if file is not None:
        line = file.readline(_MAX_BYTES + 3).rstrip(b"\r\n")
        return _checked(line, option="--password-file")
    if ask:
        typed = click.prompt("Password of encrypted files", hide_input=True, err=True)
        return _checked(typed.encode("utf-8", "surrogateescape"), option="--password")
    return None


def _checked(password: bytes, *, option: str) -> str:
    hint = [option]
    if not password:
        raise click.BadParameter("there is no password", param_hint=hint)
    if len(password) > _MAX_BYTES:
        raise click.BadParameter(f"a password has up to {_MAX_BYTES} bytes", param_hint=hint)
    try:
        text = password.decode()
    except UnicodeDecodeError:
        raise click.BadParameter("a password is UTF-8", param_hint=hint) from None
    if "\0" in text:
        raise click.BadParameter("a password has no NUL character", param_hint=hint)
    return text
