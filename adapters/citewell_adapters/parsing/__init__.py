"""Parsers as such: reading in child processes with limits, and several parsers as one.

The child imports a module of this package, too, and pays with memory for all that comes along: names are
imported when somebody asks for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from citewell_adapters.parsing.child import ReaderUnavailable
    from citewell_adapters.parsing.composite import Parsers
    from citewell_adapters.parsing.limits import ChildLimits
    from citewell_adapters.parsing.parser import ChildParser, Detect
    from citewell_adapters.parsing.renderer import ChildRenderer

__all__ = ["ChildLimits", "ChildParser", "ChildRenderer", "Detect", "Parsers", "ReaderUnavailable"]

_MODULES: Final = {
    "ChildLimits": "limits",
    "ChildParser": "parser",
    "ChildRenderer": "renderer",
    "Detect": "parser",
    "Parsers": "composite",
    "ReaderUnavailable": "child",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
