"""The parts of a cache of results: keys, fresh versions, flights that are shared, and sealed values."""

from citewell.caching.flights import SingleFlight
from citewell.caching.freshness import FreshVersions
from citewell.caching.keys import result_key
from citewell.caching.memory import MemoryCache
from citewell.caching.sealing import Kept, seal, unseal

__all__ = ["FreshVersions", "Kept", "MemoryCache", "SingleFlight", "result_key", "seal", "unseal"]
