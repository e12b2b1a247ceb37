"""The encoding that HTML says it is in."""

from __future__ import annotations

import codecs
import re
from typing import Final

__all__ = ["declared_encoding", "decoded"]

_HEAD_BYTES: Final = 4_096
_DECLARATION: Final = re.compile(
    rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]+)|<meta[^>]{0,500}?charset\s*=\s*["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
# What pages mean that name an encoding, as browsers read them: the larger one that Windows has of it.
_MEANT: Final = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf-16": "utf-8",
    "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",
}
_ODD_NAMES: Final = {
    "x-sjis": "cp932",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "iso-8859-8-i": "iso8859-8",
}
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def declared_encoding(head: bytes) -> str | None:
    """What an XML declaration or a `meta` among the first bytes names, if Python knows it as text."""
    found = _DECLARATION.search(head[:_HEAD_BYTES])
    if found is None:
        return None
    label = (found[1] or found[2]).decode("ascii", "replace").lower()
    try:
        name = codecs.lookup(_ODD_NAMES.get(label, label)).name
        "".encode(name)
    except (LookupError, UnicodeError, ValueError):
        return None
    return _MEANT.get(name, name)


def decoded(data: bytes) -> str:
    """The text: by its mark, by what it says, else UTF-8."""
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    return data.decode(marked or declared_encoding(data) or "utf-8", "replace")
