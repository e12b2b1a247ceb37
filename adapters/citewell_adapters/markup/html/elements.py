"""Which elements of HTML matter for its text, and which of them are open."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

__all__ = ["BLOCKS", "DROPPED", "IMPLIED_ENDS", "LISTS", "VOID", "Attributes", "OpenElements", "is_hidden"]

Attributes: TypeAlias = list[tuple[str, str | None]]

#: Elements without content.
VOID: Final = frozenset(
    {
        "area",
        "base",
        "br",
        "col",
        "embed",
        "frame",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
    }
    | {"wbr"}
)
#: Elements whose content is no text of the page.
DROPPED: Final = frozenset(
    {"script", "style", "template", "noscript", "noframes", "noembed"}
    | {"svg", "iframe", "object", "canvas", "audio", "video", "datalist"}
)
LISTS: Final = frozenset({"ul", "ol", "menu", "dir"})
_CELLS: Final = frozenset({"td", "th"})
#: Elements that begin and end a block, and the title.
BLOCKS: Final = (
    LISTS
    | _CELLS
    | {"body", "head", "html", "title"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "hgroup"}
    | {"caption", "table", "tbody", "tfoot", "thead", "tr"}
    | {"article", "aside", "footer", "header", "main", "nav", "section"}
    | {
        "address",
        "blockquote",
        "center",
        "details",
        "dialog",
        "div",
        "figcaption",
        "figure",
        "p",
        "pre",
        "summary",
    }
    | {"dd", "dl", "dt", "fieldset", "form", "legend", "li", "optgroup", "option"}
)
_TABLE: Final = frozenset({"table"})
_INSIDE_BODY: Final = (
    BLOCKS - _CELLS - {"body", "head", "html", "title", "tbody", "tfoot", "thead", "tr", "caption"}
)
_P: Final = (frozenset({"p"}), _CELLS | _TABLE | {"caption"})
_ROW_GROUP: Final = (frozenset({"tbody", "thead", "tfoot", "tr", "caption"}) | _CELLS, _TABLE)
#: What the beginning of an element ends: the elements, and those within which they are looked for.
IMPLIED_ENDS: Final[Mapping[str, tuple[tuple[frozenset[str], frozenset[str]], ...]]] = {
    **dict.fromkeys(_INSIDE_BODY - {"option", "optgroup", "summary", "legend"}, (_P,)),
    "hr": (_P,),
    "li": (_P, (frozenset({"li"}), LISTS | _CELLS)),
    "dt": (_P, (frozenset({"dt", "dd"}), frozenset({"dl"}) | _CELLS)),
    "dd": (_P, (frozenset({"dt", "dd"}), frozenset({"dl"}) | _CELLS)),
    "td": ((_CELLS | {"caption"}, _TABLE | {"tr"}),),
    "th": ((_CELLS | {"caption"}, _TABLE | {"tr"}),),
    "tr": ((frozenset({"tr", "caption"}) | _CELLS, _TABLE),),
    "tbody": (_ROW_GROUP,),
    "thead": (_ROW_GROUP,),
    "tfoot": (_ROW_GROUP,),
    "option": ((frozenset({"option"}), frozenset({"select"})),),
    "body": ((frozenset({"head", "title"}), frozenset()),),
}
# An end of another element does not end these.
_BARRIERS: Final = _CELLS | _TABLE | {"caption"}
_CROSSING: Final = _CELLS | _TABLE | {"caption", "tr", "tbody", "thead", "tfoot", "body", "html"}
_DEEPEST: Final = 512
_HIDING: Final = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)


def is_hidden(tag: str, attributes: Attributes) -> bool:
    """Whether the element is not shown; the whole page is, though some hide it until a script has run."""
    if not attributes or tag in ("html", "body"):
        return False
    return any(
        (name == "hidden" and value != "until-found") or (name == "style" and value and _HIDING.search(value))
        for name, value in attributes
    )


class OpenElements:
    """The open elements that matter: blocks, and all within hidden ones. Depth is bounded, as in browsers."""

    def __init__(self) -> None:
        self._tags: list[str] = []
        self._hidden_from: int | None = None

    @property
    def hidden(self) -> bool:
        """Whether what comes now is not shown."""
        return self._hidden_from is not None

    @property
    def innermost(self) -> str:
        """The innermost element, empty if none is open."""
        return self._tags[-1] if self._tags else ""

    def push(self, tag: str, *, hidden: bool) -> None:
        if len(self._tags) >= _DEEPEST and not (hidden and not self.hidden):
            return
        if hidden and self._hidden_from is None:
            self._hidden_from = len(self._tags)
        self._tags.append(tag)

    def down_to(self, tags: frozenset[str], *, within: frozenset[str] | None) -> list[str]:
        """Close the outermost of `tags` that is open, and all in it; those of them that were shown.

        within: elements beyond which nothing is looked for; None: as the end of an element does it.
        """
        place = self._end_place(tags) if within is None else self._implied_place(tags, within)
        if place is None:
            return []
        closed = self._tags[place : self._hidden_from]
        del self._tags[place:]
        if self._hidden_from is not None and place <= self._hidden_from:
            self._hidden_from = None
        return closed[::-1]

    def _end_place(self, tags: frozenset[str]) -> int | None:
        barriers = frozenset() if tags & _CROSSING else _BARRIERS
        for place in range(len(self._tags) - 1, -1, -1):
            if self._tags[place] in tags:
                return place
            if self._tags[place] in barriers:
                return None
        return None

    def _implied_place(self, tags: frozenset[str], within: frozenset[str]) -> int | None:
        found = None
        for place in range(len(self._tags) - 1, -1, -1):
            if self._tags[place] in tags:
                found = place
            if self._tags[place] in within:
                break
        return found
