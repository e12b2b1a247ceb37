"""Plain text and Markdown."""

from citewell_adapters.plaintext.detection import MARKDOWN, PLAIN_TEXT, detect_text
from citewell_adapters.plaintext.encoding import encoding_of
from citewell_adapters.plaintext.parser import TEXT_TYPES, TextParser

__all__ = ["MARKDOWN", "PLAIN_TEXT", "TEXT_TYPES", "TextParser", "detect_text", "encoding_of"]
