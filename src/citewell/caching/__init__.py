"""What is kept so that it is not done again: whole replies, and the vectors of questions."""

from citewell.caching.flights import SingleFlight
from citewell.caching.freshness import FreshVersions
from citewell.caching.keys import result_key
from citewell.caching.memory import MemoryCache
from citewell.caching.questions import QuestionVectors
from citewell.caching.sealing import Kept, seal, unseal

__all__ = [
    "FreshVersions",
    "Kept",
    "MemoryCache",
    "QuestionVectors",
    "SingleFlight",
    "result_key",
    "seal",
    "unseal",
]
