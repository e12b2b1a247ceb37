"""Which user an engine runs as: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from citewell_entrypoints.supervisor.children import Account
from citewell_entrypoints.supervisor.errors import StartRefused
from citewell_entrypoints.supervisor.launch import held_search_capability

__all__ = ["engine_account"]

_CANDIDATES: Final = ("postgres", "nobody")


def engine_account(data: Path, *, must_reach: Iterable[Path]) -> Account | None:
    """The user for an engine whose data is, or will be, the folder `data`; None for ourselves.

    As root: the owner of existing data, else a user that systems have for such a purpose. Where that user may
    not pass through the folders above `must_reach`, the engine keeps this one right of root's. Raises
    StartRefused if there is no way.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise StartRefused(
                f"{data} belongs to user {_name(owner)}, as whom Citewell was started before: "
                f"start it as that user again, or use another data directory"
            )
        return None
    if owner and owner == data.parent.stat().st_uid:
        raise StartRefused(
            f"{data.parent} belongs to user {_name(owner)}, as whom Citewell was started before: "
            f"start it as that user again (runuser -u {_name(owner)}), or use another data directory"
        )
    entry = _entry(owner)
    blocked = [path for path in must_reach if not _reaches(path, uid=entry.pw_uid, gid=entry.pw_gid)]
    if held_search_capability() is None and (blocked or sys.platform == "linux"):
        # Without that capability root itself would be shut out of the engine's folders.
        raise StartRefused(
            f"PostgreSQL does not run as root, and here root may not let user {entry.pw_name} work for it: "
            f"start Citewell as an ordinary user"
        )
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, keep_search=bool(blocked))


def _entry(owner: int | None) -> pwd.struct_passwd:
    if owner:
        try:
            return pwd.getpwuid(owner)
        except KeyError:
            raise StartRefused(
                f"the PostgreSQL data belongs to user id {owner}, which this system does not know"
            ) from None
    for name in _CANDIDATES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise StartRefused(
        f"PostgreSQL does not run as root, and this system has no user {' or '.join(_CANDIDATES)}: "
        f"start Citewell as an ordinary user"
    )


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return str(uid)


def _reaches(path: Path, *, uid: int, gid: int) -> bool:
    """Whether the user may pass through every folder above `path`; access lists count as closed."""
    # Folders that are not there yet are made so that the user reaches them.
    for folder in (folder for folder in path.resolve().parents if folder.exists()):
        state = folder.stat()
        if state.st_uid == uid:
            bit = stat.S_IXUSR
        elif state.st_gid == gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not state.st_mode & bit:
            return False
    return True
