"""Snowball's stemmers, by PyStemmer, for the lexical encoder of the core."""

from citewell_adapters.snowball.encoder import SnowballEncoder

__all__ = ["SnowballEncoder"]
