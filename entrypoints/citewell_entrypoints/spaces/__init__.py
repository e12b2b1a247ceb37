"""The embedding spaces of a running process: it follows the database from one to the next."""

from citewell_entrypoints.spaces.origins import origin_of, settings_of
from citewell_entrypoints.spaces.routed import RoutedChunker, RoutedEmbedder, RoutedVectors
from citewell_entrypoints.spaces.serving import ServedSpaces, SpaceParts
from citewell_entrypoints.spaces.steady import SteadyIngest, SteadySearch

__all__ = [
    "RoutedChunker",
    "RoutedEmbedder",
    "RoutedVectors",
    "ServedSpaces",
    "SpaceParts",
    "SteadyIngest",
    "SteadySearch",
    "origin_of",
    "settings_of",
]
