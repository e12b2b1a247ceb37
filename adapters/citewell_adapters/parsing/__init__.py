"""Parsers as such: reading in child processes with limits, and several parsers as one."""

from citewell_adapters.parsing.child import ReaderUnavailable
from citewell_adapters.parsing.composite import Parsers
from citewell_adapters.parsing.limits import ChildLimits
from citewell_adapters.parsing.parser import ChildParser, Detect

__all__ = ["ChildLimits", "ChildParser", "Detect", "Parsers", "ReaderUnavailable"]
